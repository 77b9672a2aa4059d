/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policies and their rules. Every key has a revision. Nothing is changed once a container refers to that revision. */
#ifndef STOCKADE_POLICIES_H
#define STOCKADE_POLICIES_H

#include "stockade_base.h"

struct stockade_verdict {
	stockade_u8 present;
	stockade_u8 action;    /* enum stockade_action */
	stockade_u8 allow_new; /* the rule has `new: true`, which overrides newExecutables */
	/* The strictest of `action` and the argument rules' actions, for a program that is mapped without an exec of
	 * its own. An earlier Stockade wrote 0 here. */
	stockade_u8 strictest;
	stockade_u32 rule;	/* index into the profile's rules, for the event */
	stockade_u32 arguments; /* number of entries in map `arguments` under this rule; 0: none */
};

enum stockade_policy_flags {
	STOCKADE_HAS_PROCESS = 1,
	STOCKADE_HAS_EGRESS = 2,
	STOCKADE_HAS_INGRESS = 4,
	STOCKADE_ALLOW_ENTRYPOINT = 8,
	STOCKADE_HAS_BIND = 16,	     /* ingress refuses some port to every peer, so bind_ranges is not empty */
	STOCKADE_HAS_ARGUMENTS = 32, /* some process rule has argument rules */
	STOCKADE_HAS_FILE = 64,
	STOCKADE_OTHER_CONTAINERS = 128, /* other containers may trace this one's processes */
	STOCKADE_AUDIT_OTHER_CONTAINERS = 256,
	STOCKADE_AUDIT_ENTRYPOINT = 512, /* what ALLOW_ENTRYPOINT allows is reported */
};

/* Bits of `kernel_blocked` and `kernel_audited`. */
enum stockade_surface {
	STOCKADE_SURFACE_MOUNT = 1,
	STOCKADE_SURFACE_PTRACE = 2,
	STOCKADE_SURFACE_USER_NAMESPACES = 4,
	STOCKADE_SURFACE_BPF = 8,
	STOCKADE_SURFACE_IO_URING = 16,
	STOCKADE_SURFACE_PACKET_SOCKETS = 32,
	STOCKADE_SURFACE_MODULE_LOAD = 64,
	STOCKADE_SURFACE_KEYRINGS = 128,
	STOCKADE_SURFACE_PERF_EVENTS = 256,
	STOCKADE_SURFACE_EXECUTABLE_MEMORY = 512,
	STOCKADE_SURFACE_SOCKETS = 1024, /* families that `kernel.sockets` does not list */
};

/* Bits of an access. A path rule's verdicts are in the order of the bits. */
enum stockade_access { STOCKADE_READ = 1, STOCKADE_WRITE = 2 };
#define STOCKADE_ACCESSES 2

struct stockade_port_range {
	stockade_u8 protocol;	  /* IPPROTO_*; 0: any */
	stockade_u8 action;	  /* enum stockade_action */
	stockade_u16 first, last; /* inclusive, host order */
	stockade_u16 pad;
	stockade_u32 rule;
};

/* Map `policies`, key: revision (u64). */
struct stockade_policy {
	stockade_u64 revision;
	stockade_u32 flags; /* enum stockade_policy_flags */
	/* Of processes. Each is an enum stockade_action, to which the daemon has applied `mode: Audit`. */
	stockade_u8 process_default;
	stockade_u8 new_executables;
	stockade_u8 fileless;
	stockade_u8 over_long; /* a path that does not fit STOCKADE_PATH_MAX_BYTES */
	/* No field softens what holds without a rule: an exec in a closed container is always refused or killed. */
	stockade_u8 egress_default;
	stockade_u8 ingress_default;
	stockade_u8 bind_range_count;
	stockade_u8 unknown_path;     /* what has no path, by stockade_unknown_path: a program; a file that is mapped */
	stockade_u8 egress_strictest; /* the greatest action in the section, for a packet that cannot be parsed */
	stockade_u8 ingress_strictest;
	stockade_u8 file_default;
	stockade_u8 file_strictest;  /* for a file whose path cannot be known */
	stockade_u32 kernel_blocked; /* enum stockade_surface */
	stockade_u32 kernel_audited;
	/* Bit n: some directory rule is n bytes long with its trailing slash. This saves the look-ups at other
	 * slashes. */
	stockade_u64 directory_lengths[STOCKADE_RULE_PATH_MAX_BYTES / 64 + 1];
	/* The last word has the bit of the longest path, and the families: stockade_families(). */
	stockade_u64 file_directory_lengths[STOCKADE_RULE_PATH_MAX_BYTES / 64 + 1];
	/* What bind() may: the ports of `bind`, then those that ingress blocks (or audits) for every peer. The first
	 * match decides; no match: allowed. */
	struct stockade_port_range bind_ranges[STOCKADE_BIND_RANGES_MAX];
};

/*
 * The action of a part of `unknown_path`, which has it plus one. An earlier Stockade wrote 0 here, which means
 * STOCKADE_BLOCK.
 */
#define STOCKADE_MAPPED_SHIFT 4

static inline stockade_u8 stockade_unknown_path(stockade_u8 parts, unsigned shift)
{
	stockade_u8 part = parts >> shift & 0xf;

	return part ? part - 1 : STOCKADE_BLOCK;
}

/*
 * Bit n, from 1 on: `kernel.sockets` lists the family of AF number n. The longest path's length is bit 0 of the same
 * word. So the map has the shape that earlier versions pinned.
 */
#define STOCKADE_FAMILIES_WORD (STOCKADE_RULE_PATH_MAX_BYTES / 64)
#define STOCKADE_FAMILIES_MAX  63

static inline stockade_u64 stockade_families(const struct stockade_policy *policy)
{
	return policy->file_directory_lengths[STOCKADE_FAMILIES_WORD] & ~1ull;
}

enum stockade_path_section { STOCKADE_SECTION_PROCESS = 0, STOCKADE_SECTION_FILE = 1 };
#define STOCKADE_PATH_SECTION_SHIFT 57

/*
 * Map `path_rules`. hash = (sum of path_hash_keys.key[i] * byte[i] mod 2^64) >> 7 over the rule's path: multilinear
 * hashing with secret random keys, so two different paths share a hash with probability 2^-57, whoever chose them. A
 * directory rule is hashed with its trailing slash, so it never meets a file's. The uppermost bits are the section's.
 */
struct stockade_hash_keys {
	stockade_u64 key[STOCKADE_RULE_PATH_MAX_BYTES];
};

struct stockade_path_key {
	stockade_u64 revision;
	stockade_u64 hash; /* with the section */
};

/* A verdict for each access. A rule about a program has only the first one. */
struct stockade_path_rule {
	/* Of a rule about a path: the file itself. Of a rule about a directory: what lies directly in it. */
	struct stockade_verdict direct[STOCKADE_ACCESSES];
	/* Of a rule about a path: the strictest rule about something below it, in case it is a directory. Of a rule
	 * about a directory: what lies deeper in it. */
	struct stockade_verdict deep[STOCKADE_ACCESSES];
};

enum stockade_argument_kind { STOCKADE_CONTAINS = 0, STOCKADE_EQUALS = 1, STOCKADE_PREFIX = 2 };

/* Map `arguments`. The first rule that matches decides. `position` counts from 0. */
struct stockade_argument_key {
	stockade_u64 revision;
	stockade_u32 rule;
	stockade_u32 position;
};

struct stockade_argument {
	stockade_u8 kind;    /* enum stockade_argument_kind */
	stockade_u8 action;  /* enum stockade_action */
	stockade_u16 length; /* of text, in bytes, at most STOCKADE_ARGUMENT_TEXT_MAX_BYTES */
	stockade_u32 index;  /* the index in argv at which the rule looks; STOCKADE_NO_RULE: every index */
	stockade_u8 text[STOCKADE_ARGUMENT_TEXT_MAX_BYTES];
};

/*
 * Maps `egress4`, `egress6`, `ingress4`, `ingress6`: LPM tries. prefix_bits = 64 + length of the CIDR. The daemon puts
 * a node at every prefix that a rule or an exception names, and at /0. The node has the whole list that applies there,
 * the most specific entry first. The first entry that matches protocol and port decides; otherwise the section's
 * default.
 */
struct stockade_net_key4 {
	stockade_u32 prefix_bits;
	stockade_u8 revision[8]; /* the u64 in memory order, since an exact match of 64 bits needs no order */
	stockade_u8 address[4];	 /* network order */
};

struct stockade_net_key6 {
	stockade_u32 prefix_bits;
	stockade_u8 revision[8];
	stockade_u8 address[16];
};

struct stockade_net_node {
	stockade_u32 count;
	struct stockade_port_range entries[STOCKADE_NET_ENTRIES_MAX];
};

#endif
