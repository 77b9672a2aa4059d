/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that the BPF programs and the daemon share: map keys and values, events, limits.
 * Fixed-width fields, padding written out, sizes asserted in assert.c. Network bytes stay in network
 * order where a field says so; all else is in host order.
 */
#ifndef STOCKADE_H
#define STOCKADE_H

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
#define STOCKADE_RULE_PATH_MAX_BYTES	 512  /* longest path in a rule, a directory's trailing slash included */
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

/* Elements of the maps, of all containers and policies together. maps.bpf.h says what full means. */
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
#define STOCKADE_EVENTS_BYTES	  1048576 /* a power of two, as ring buffers have it */

/* Ordered so that of two rules of equal rank the greater wins. */
enum stockade_action { STOCKADE_ALLOW = 0, STOCKADE_AUDIT = 1, STOCKADE_BLOCK = 2 };

/* No rule decided: `rule` of an event or verdict that comes from a default or a built-in reason. */
#define STOCKADE_NO_RULE 0xffffffffu

/* ---- containers: who is bound ---- */

enum stockade_container_state {
	STOCKADE_CLOSED = 0, /* nothing in it may exec: not yet let through, or refused, or being released */
	STOCKADE_OPEN = 1,
	/* Behind the gate of a pod: what has no entry of its own may not exec. Programs say so; an entry of the map
	 * that says it was made by a Stockade that had no map `gates`. */
	STOCKADE_GATE = 2,
};

/*
 * Map `containers`, key: cgroup id (u64). A hash element can be reused, for this or another key, while a program reads
 * it: so readers copy it, and take the copy only if key and check are right.
 */
struct stockade_container {
	stockade_u64 cgroup_id;
	stockade_u64 revision;	  /* of the policy; 0: none (let through the gate unconfined) */
	stockade_u32 state;	  /* enum stockade_container_state */
	stockade_u32 root_device; /* s_dev of the container's root file system, as the kernel encodes it */
	stockade_u32 check;	  /* stockade_container_check of the rest, set by whoever writes the map */
	stockade_u32 flags;	  /* enum stockade_container_flags */
};

enum stockade_container_flags {
	STOCKADE_RAN_BEFORE = 1, /* it ran before it was confined, and its tasks are not all marked yet */
};

/* Tells a whole container from one that is half of an older and half of a newer value. */
static inline stockade_u32 stockade_container_check(const struct stockade_container *container)
{
	stockade_u64 sum = container->cgroup_id * 0x9e3779b97f4a7c15ull + container->revision * 0xbf58476d1ce4e5b9ull;
	sum += ((stockade_u64)container->state) * 0x94d049bb133111ebull;
	sum += (stockade_u64)container->root_device * 0xd6e8feb86659fd93ull;
	sum += (stockade_u64)container->flags * 0xa0761d6478bd642full;
	return (stockade_u32)(sum >> 32);
}

/* ---- gates: pods whose containers wait to be let through ---- */

enum stockade_gate_state {
	STOCKADE_GATE_CLOSED = 1, /* a pod's cgroup: below it only its sandbox may exec, and who was let through */
	STOCKADE_GATE_FREE = 2,	  /* a pod's cgroup: its containers need not be let through */
	STOCKADE_GATE_PARENT = 3, /* the cgroups in it are pods: one that is not in the table is closed */
	/* The same, while the pods that it has already are being entered: one that is not in the table runs on. */
	STOCKADE_GATE_NEW_PARENT = 4,
};

/* Map `gates`, key: cgroup id (u64). Read as a container is: whole, or it counts as closed. */
struct stockade_gate {
	stockade_u64 cgroup_id;
	stockade_u32 state; /* enum stockade_gate_state */
	stockade_u32 check; /* stockade_gate_check of the rest */
};

static inline stockade_u32 stockade_gate_check(const struct stockade_gate *gate)
{
	return (gate->cgroup_id * 0x9e3779b97f4a7c15ull + gate->state * 0xbf58476d1ce4e5b9ull) >> 32;
}

/*
 * Map `sandboxes`, key: cgroup id (u64) of a pod's cgroup. Which of the cgroups in it is the sandbox's: the first that
 * is made there, since the runtime makes it before it knows of any container. When it is gone, or empty, the next one
 * is; but only for another shim, since a container of the old sandbox has the old one.
 */
struct stockade_sandbox {
	stockade_u64 first_child; /* cgroup id; 0: none yet, or none since the last one was over */
	stockade_u64 bound;	  /* the same, once its shim is known: what is in it may exec; 0: it is not known */
	/* Of the sandbox that was bound last. start_ticks as in struct stockade_process. */
	stockade_u64 shim_start_ticks;
	stockade_u32 shim_tgid;
	stockade_u32 refused; /* execs below the pod's cgroup, by the gate */
};

/* Of `first_child`. */
#define STOCKADE_SANDBOX_NONE	 0xffffffffffffffffull /* the runtime starts no process for the sandbox */
#define STOCKADE_SANDBOX_UNKNOWN 0xfffffffffffffffeull /* older than the gate; no longer once the pod is empty */

/* ---- the node gate: every pod's gate is closed from its cgroup's first moment on ---- */

#define STOCKADE_CGROUP_PATH_MAX_BYTES 256
#define STOCKADE_POD_UID_MAX_BYTES     64
#define STOCKADE_REASON_MAX_BYTES      256

/* Key of map `gate_parents`: the path of a cgroup in which pods are made, from the hierarchy's root; NULs behind it. */
struct stockade_cgroup_path {
	stockade_u8 text[STOCKADE_CGROUP_PATH_MAX_BYTES];
};

/*
 * Key of map `gate_exempt`: as in the name of the pod's cgroup, but with dashes; NULs behind it. Only static pods,
 * which the node's own files name, have one that is no number of the API server's; STOCKADE_EVERY_STATIC_POD is all of
 * those.
 */
struct stockade_pod_uid {
	stockade_u8 text[STOCKADE_POD_UID_MAX_BYTES];
};
#define STOCKADE_EVERY_STATIC_POD     "*"
#define STOCKADE_STATIC_POD_UID_BYTES 32 /* hexadecimal digits, and no dash */

/* Map `gate_control`: an array of u64, each with one writer. */
enum stockade_gate_control {
	STOCKADE_GATES_OPEN_UNTIL = 0,	/* CLOCK_BOOTTIME in nanoseconds: until then no gate holds anything back */
	STOCKADE_GATES_LET_THROUGH = 1, /* execs that one would have held back; the programs write it */
	STOCKADE_GATES_RECORDED = 2,	/* how many records were written to `gate_records`, ever */
	STOCKADE_GATES_TOLD = 3,	/* how many of these the daemon has told */
	STOCKADE_GATES_CONTROLS = 4,
};

enum stockade_gate_act {
	STOCKADE_ACT_CLOSED = 1,
	STOCKADE_ACT_OPENED = 2, /* for good */
	STOCKADE_ACT_OPENED_FOR = 3,
	STOCKADE_ACT_FREED = 4, /* one pod */
};

/* Map `gate_records`, key: number of the record modulo STOCKADE_GATE_RECORDS. What somebody did to the gate. */
struct stockade_gate_record {
	stockade_s64 time_ns;				 /* CLOCK_REALTIME */
	stockade_s64 until_ns;				 /* of an opening for a time */
	stockade_u32 act;				 /* enum stockade_gate_act */
	stockade_u32 user;				 /* who logged in: loginuid of audit(7); all ones: nobody */
	stockade_u8 pod[STOCKADE_CGROUP_PATH_MAX_BYTES]; /* path of the freed one; NULs behind it */
	stockade_u8 reason[STOCKADE_REASON_MAX_BYTES];
};

/* Map `entrypoints`, key: cgroup id (u64). Deleted by the exec that it allows. */
struct stockade_process {
	stockade_u32 tgid; /* in the initial pid namespace */
	stockade_u32 pad;
	stockade_u64 start_ticks; /* field 22 of /proc/PID/stat: start_boottime in USER_HZ (100) */
};

/* Map `marks`, task storage. */
struct stockade_mark {
	stockade_u64 cgroup_id;	 /* of the container; 0: not marked */
	stockade_u64 pending_id; /* of the container that an exec in its course makes the task a part of */
	/* The task's self_exec_id during the exec that was had as the entrypoint; 0: none. While programs are replaced
	 * two judge that exec, and the second finds its entry of `entrypoints` gone. */
	stockade_u64 entrypoint_exec;
	stockade_u32 stray; /* 1: the task has left its container's cgroup */
	/* The lower half of the task's self_exec_id during the exec that was judged last; 0: none. Several programs
	 * come by each exec, and one of them may have been skipped. Of a task that is not marked: the exec is nobody's.
	 */
	stockade_u32 judged_exec;
};

/* Map `preemption_trial`, one element: a fork that takes long. Times are of CLOCK_MONOTONIC; 0: it did not happen. */
struct stockade_preemption_trial {
	stockade_u32 tid;	   /* whose fork: a thread's */
	stockade_u32 forks_before; /* that it makes first, and that take no time */
	stockade_u64 start_ns, end_ns;
};
#define STOCKADE_PREEMPTION_TRIAL_NS 10000000 /* that it takes */

/* Of whose exec, when it is nobody's, an exec program notes that it was looked at. */
enum stockade_exec_notes {
	STOCKADE_NOTES_OF_NONE = 0,
	/* Another program comes after this one, and has to tell a hook of the runtime, wherever it is by then, from
	 * what this one was skipped for. */
	STOCKADE_NOTES_OF_CONTAINERS = 1,
	STOCKADE_NOTES_OF_ALL = 2, /* so that the task's next way back to the user is short */
};

/* Map `strays`, key: thread group id (u32). */
struct stockade_stray {
	stockade_u64 cgroup_id; /* of the container that answers for it */
	stockade_u64 start_ns;	/* start_boottime of its first thread: a later process of that number has another one */
};

/* A container's share of `strays`. What would be one more is ended. */
#define STOCKADE_STRAYS_OF_CONTAINER_MAX 512

/* Map `hooks`, key: thread group id (u32). What a hook of the runtime executed last, for events. */
struct stockade_hook {
	stockade_u64 started_ns; /* the process's start_boottime: its number is another's later */
	stockade_u32 length;	 /* of the path; what is longer is cut off */
	stockade_u32 pad;
	stockade_u8 path[STOCKADE_HOOK_PATH_MAX_BYTES];
};

/* ---- policies: what is bound; all keyed by revision, immutable once a container refers to it ---- */

struct stockade_verdict {
	stockade_u8 present;
	stockade_u8 action;    /* enum stockade_action */
	stockade_u8 allow_new; /* the rule has `new: true`: it overrides newExecutables */
	stockade_u8 pad;
	stockade_u32 rule;	/* index into the profile's rules, for the event */
	stockade_u32 arguments; /* number of entries in map `arguments` under this rule; 0: none */
};

enum stockade_policy_flags {
	STOCKADE_HAS_PROCESS = 1,
	STOCKADE_HAS_EGRESS = 2,
	STOCKADE_HAS_INGRESS = 4,
	STOCKADE_ALLOW_ENTRYPOINT = 8,
	STOCKADE_HAS_BIND = 16,	     /* ingress leaves ports to nobody: bind_ranges is not empty */
	STOCKADE_HAS_ARGUMENTS = 32, /* some process rule has argument rules */
	STOCKADE_HAS_FILE = 64,
	STOCKADE_OTHER_CONTAINERS = 128, /* other containers may trace this one's processes */
	STOCKADE_AUDIT_OTHER_CONTAINERS = 256,
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
};

/* `surface` of EVENT_PROTECTED: what of the daemon's was reached for. */
enum stockade_protected {
	STOCKADE_PROTECTED_FILE = 1,
	STOCKADE_PROTECTED_MOUNT = 2,
	STOCKADE_PROTECTED_BPF = 3,
	STOCKADE_PROTECTED_PROCESS = 4,
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
	/* process; each an enum stockade_action, `mode: Audit` already applied by the daemon */
	stockade_u8 process_default;
	stockade_u8 new_executables;
	stockade_u8 fileless;
	stockade_u8 over_long; /* a path that does not fit STOCKADE_PATH_MAX_BYTES */
	/* what a stray, closed or broken state does is never softened: always a kill */
	stockade_u8 egress_default;
	stockade_u8 ingress_default;
	stockade_u16 bind_range_count;
	stockade_u8 egress_strictest; /* the greatest action in the section: of a packet that cannot be parsed */
	stockade_u8 ingress_strictest;
	stockade_u8 file_default;
	stockade_u8 file_strictest;  /* of a file whose path cannot be had */
	stockade_u32 kernel_blocked; /* enum stockade_surface */
	stockade_u32 kernel_audited;
	/* Bit n: some directory rule is n bytes long, its trailing slash included. Spares the look-ups at other
	 * slashes. */
	stockade_u64 directory_lengths[STOCKADE_RULE_PATH_MAX_BYTES / 64 + 1];
	stockade_u64 file_directory_lengths[STOCKADE_RULE_PATH_MAX_BYTES / 64 + 1];
	/* Ports that ingress blocks (or audits) for every peer: what bind() refuses. First match; none: allowed. */
	struct stockade_port_range bind_ranges[STOCKADE_BIND_RANGES_MAX];
};

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

/* By access; of a program only the first. */
struct stockade_path_rule {
	/* Of a path: the file itself. Of a directory: what lies directly in it. */
	struct stockade_verdict direct[STOCKADE_ACCESSES];
	/* Of a path: the strictest rule about something below it, should it be a directory. Of a directory: what lies
	 * deeper in it. */
	struct stockade_verdict deep[STOCKADE_ACCESSES];
};

enum stockade_argument_kind { STOCKADE_CONTAINS = 0, STOCKADE_EQUALS = 1, STOCKADE_PREFIX = 2 };

/* Map `arguments`. The first that matches decides; `position` counts from 0. */
struct stockade_argument_key {
	stockade_u64 revision;
	stockade_u32 rule;
	stockade_u32 position;
};

struct stockade_argument {
	stockade_u8 kind;    /* enum stockade_argument_kind */
	stockade_u8 action;  /* enum stockade_action */
	stockade_u16 length; /* of text, in bytes, at most STOCKADE_ARGUMENT_TEXT_MAX_BYTES */
	stockade_u32 index;  /* argv index it looks at; STOCKADE_NO_RULE: every one */
	stockade_u8 text[STOCKADE_ARGUMENT_TEXT_MAX_BYTES];
};

/*
 * Maps `egress4`, `egress6`, `ingress4`, `ingress6`: LPM tries. prefix_bits = 64 + length of the CIDR. The daemon puts
 * a node at every prefix that a rule or an exception names, and at /0, and gives it the whole list that applies there,
 * most specific first: the first entry that matches protocol and port decides; none: the section's default.
 */
struct stockade_net_key4 {
	stockade_u32 prefix_bits;
	stockade_u8 revision[8]; /* the u64 in memory order: exact match of 64 bits needs no order */
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

/* ---- network state ---- */

/* A container's flows. Of one more the one unused for longest is forgotten, which is its own. */
#define STOCKADE_FLOWS_OF_CONTAINER_MAX 4096

/* A flow of UDP, ICMP and the like that was unused for longer is forgotten. */
#define STOCKADE_FLOW_IDLE_SECONDS 180

/* Cgroup storage `network_container`: set by the daemon after the attach. 0: not yet open, everything is dropped. */
struct stockade_network_container {
	stockade_u64 cgroup_id;
};

/* ---- what belongs to the daemon ---- */

enum stockade_object_kind { STOCKADE_OBJECT_MAP = 1, STOCKADE_OBJECT_PROGRAM = 2 };

/* Key of map `own_objects`; a link is known by its program. */
struct stockade_object {
	stockade_u32 kind; /* enum stockade_object_kind */
	stockade_u32 id;
};

/* Value of map `protected_inodes`. */
enum stockade_protection {
	STOCKADE_LEADS = 1, /* the way to what is protected: stays where it is */
	STOCKADE_KEEP = 2,  /* nothing in it is changed */
	STOCKADE_HIDE = 3,  /* nor opened */
};

/* Key of map `protected_inodes`. */
struct stockade_inode {
	stockade_u64 number;
	stockade_u32 device; /* s_dev, as the kernel encodes it */
	stockade_u32 pad;
};

/* ---- events ---- */

enum stockade_event_kind {
	STOCKADE_EVENT_EXEC = 1,
	STOCKADE_EVENT_CONNECT = 2,
	STOCKADE_EVENT_SENDMSG = 3,
	STOCKADE_EVENT_BIND = 4,
	STOCKADE_EVENT_EGRESS = 5,
	STOCKADE_EVENT_INGRESS = 6,
	STOCKADE_EVENT_SOCKET = 7, /* a stray task's socket() */
	STOCKADE_EVENT_LEFT = 8,   /* a marked task left its container's cgroup */
	STOCKADE_EVENT_MAP = 9,	   /* a file mapped to be executed, with no exec of its own */
	STOCKADE_EVENT_FILE = 10,
	STOCKADE_EVENT_KERNEL = 11,    /* `surface` says what */
	STOCKADE_EVENT_TRACE = 12,     /* of another container's process */
	STOCKADE_EVENT_PROTECTED = 13, /* of what belongs to the daemon */
};

enum stockade_reason {
	STOCKADE_BY_RULE = 1,
	STOCKADE_BY_DEFAULT = 2,
	STOCKADE_NEW_EXECUTABLE = 3,
	STOCKADE_FILELESS = 4,
	STOCKADE_OVER_LONG_PATH = 5,
	STOCKADE_ARGUMENT = 6, /* `argument` of the rule matched */
	STOCKADE_OVER_LONG_ARGUMENTS = 7,
	STOCKADE_NOT_OPEN = 8, /* closed container or gate */
	STOCKADE_POLICY_GONE = 9,
	STOCKADE_INTERNAL = 10, /* the program could not decide (a read failed, storage full): fails closed */
	STOCKADE_STRAY = 11,
	STOCKADE_UNPARSED_PACKET = 12,
	STOCKADE_UNKNOWN_PATH = 13, /* a file in no mount namespace */
	STOCKADE_PROTECTION = 14,   /* no rule: of every container */
};

/* What was done, as opposed to what the rule said. */
enum stockade_effect {
	STOCKADE_AUDITED = 1,
	STOCKADE_REFUSED = 2, /* the call failed with EPERM or EACCES */
	STOCKADE_KILLED = 3,
	STOCKADE_DROPPED = 4, /* a packet */
};

/*
 * Ring buffer `events`. Followed by path_length + arguments_length + hook_length bytes: path, then argv with its NULs,
 * then, with reason STOCKADE_NOT_OPEN, the path of the hook in whose hands it was.
 */
struct stockade_event {
	stockade_u64 time_ns; /* CLOCK_BOOTTIME */
	stockade_u64 cgroup_id;
	stockade_u64 revision;
	stockade_u32 kind;
	stockade_u32 reason;
	stockade_u32 effect;
	stockade_u32 rule;     /* STOCKADE_NO_RULE: none */
	stockade_u32 argument; /* position in the rule's arguments, with reason STOCKADE_ARGUMENT */
	stockade_u32 pid;      /* thread group, initial pid namespace; 0: no task (a packet) */
	stockade_u32 tid;
	stockade_u32 parent_pid;
	stockade_u32 uid;
	stockade_u32 access;  /* enum stockade_access, of EVENT_FILE */
	stockade_u32 surface; /* enum stockade_surface, of EVENT_KERNEL; enum stockade_protected, of EVENT_PROTECTED */
	stockade_u8 comm[16];
	stockade_u8 protocol; /* IPPROTO_* */
	stockade_u8 family;   /* AF_INET, AF_INET6; 0: no address */
	stockade_u16 local_port;
	stockade_u16 remote_port;
	stockade_u16 path_length;
	stockade_u16 arguments_length;
	stockade_u8 path_truncated;
	stockade_u8 arguments_truncated;
	stockade_u8 remote_address[16]; /* network order; IPv4 in the first 4; of bind(): the local one */
	stockade_u64 target_id;		/* of EVENT_TRACE: cgroup id of the container whose process it was */
	stockade_u32 target_pid;	/* of EVENT_TRACE, and of EVENT_PROTECTED with a process */
	stockade_u16 hook_length;
	stockade_u16 pad;
};

/* Map `counters`: per-CPU array of u64. */
enum stockade_counter {
	STOCKADE_EVENTS_DROPPED_FULL = 0, /* the ring buffer was full */
	STOCKADE_EVENTS_DROPPED_RATE = 1, /* over the container's rate limit */
	STOCKADE_FLOWS_FULL = 2,	  /* a flow could not be recorded */
	STOCKADE_MARK_FAILED = 3,	  /* no task storage: an exec was refused, or a forked task is in `strays` */
	STOCKADE_READ_FAILED = 4,	  /* a kernel read failed: refused */
	STOCKADE_STRAYS_FULL = 5,	  /* or the container has its share: a process was ended */
	STOCKADE_SCRATCH_BUSY = 6,	  /* a program found its memory in use, which cannot be: refused */
	STOCKADE_COUNTERS = 7,
};

/* Map `rate`, key: cgroup id: a token bucket. */
struct stockade_rate {
	stockade_u64 refilled_ns;
	stockade_u64 tokens;
};
#define STOCKADE_EVENTS_PER_SECOND 100
#define STOCKADE_EVENTS_BURST	   400

#endif
