/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Types, limits and the actions, which all other parts of stockade.h use. */
#ifndef STOCKADE_BASE_H
#define STOCKADE_BASE_H

#ifdef __bpf__
typedef __u8 stockade_u8;
typedef __u16 stockade_u16;
typedef __u32 stockade_u32;
typedef __u64 stockade_u64;
typedef __s64 stockade_s64;
#else
#include <stdint.h>
typedef uint8_t stockade_u8;
typedef uint16_t stockade_u16;
typedef uint32_t stockade_u32;
typedef uint64_t stockade_u64;
typedef int64_t stockade_s64;
#endif

#define STOCKADE_PATH_MAX_BYTES		 4096 /* longest path that the walk builds; PATH_MAX */
#define STOCKADE_RULE_PATH_MAX_BYTES	 512  /* longest path in a rule, with a directory's trailing slash */
#define STOCKADE_ARGUMENTS_MAX_BYTES	 4096 /* arguments of an exec that argument rules look at */
#define STOCKADE_ARGUMENT_TEXT_MAX_BYTES 128
#define STOCKADE_ARGUMENT_RULES_MAX	 16 /* of one path rule */
#define STOCKADE_NET_ENTRIES_MAX	 64 /* of one network node */
#define STOCKADE_BIND_RANGES_MAX	 32
#define STOCKADE_NET_PREFIXES_MAX	 65536 /* of all policies together, per direction and family */
#define STOCKADE_CGROUP_LEVELS_MAX	 64    /* a container's own cgroup is not nested deeper */
#define STOCKADE_EVENT_DATA_MAX_BYTES	 4096
#define STOCKADE_HOOK_PATH_MAX_BYTES	 256
#define STOCKADE_IPV6_EXTENSIONS_MAX	 8 /* longest chain that is followed; RFC 8200 recommends 5 different ones */

/* How many elements each map has for all containers and policies together. maps.bpf.h says what full means. */
#define STOCKADE_CONTAINERS_MAX	  16384
#define STOCKADE_GATES_MAX	  16384
#define STOCKADE_GATE_PARENTS_MAX 16
#define STOCKADE_GATE_EXEMPT_MAX  256
#define STOCKADE_GATE_RECORDS	  64 /* the newest ones are kept */
#define STOCKADE_POLICIES_MAX	  4096
#define STOCKADE_PATH_RULES_MAX	  262144
#define STOCKADE_ARGUMENTS_MAX	  65536
#define STOCKADE_STRAYS_MAX	  32768
#define STOCKADE_RATES_MAX	  4096
#define STOCKADE_HOOKS_MAX	  1024
#define STOCKADE_RECORDINGS_MAX	  8	  /* at once */
#define STOCKADE_FACTS_MAX	  65536	  /* of one recording */
#define STOCKADE_EVENTS_BYTES	  1048576 /* a power of two, as ring buffers have it */

/* Of two rules of equal rank the one with the greater action wins. */
enum stockade_action { STOCKADE_ALLOW = 0, STOCKADE_AUDIT = 1, STOCKADE_BLOCK = 2 };

/* `rule` of an event or verdict that comes from a default or a built-in reason, and not from a rule. */
#define STOCKADE_NO_RULE 0xffffffffu

#endif
