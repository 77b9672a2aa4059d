/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What programs tell the daemon: events and counters. */
#ifndef STOCKADE_EVENT_RECORDS_H
#define STOCKADE_EVENT_RECORDS_H

#include "stockade_base.h"

enum stockade_event_kind {
	STOCKADE_EVENT_EXEC = 1,
	STOCKADE_EVENT_CONNECT = 2,
	STOCKADE_EVENT_SENDMSG = 3,
	STOCKADE_EVENT_BIND = 4,
	STOCKADE_EVENT_EGRESS = 5,
	STOCKADE_EVENT_INGRESS = 6,
	STOCKADE_EVENT_SOCKET = 7, /* a stray task's socket() */
	STOCKADE_EVENT_LEFT = 8,   /* a marked task left its container's cgroup */
	STOCKADE_EVENT_MAP = 9,	   /* a file was mapped to be executed, without an exec of its own */
	STOCKADE_EVENT_FILE = 10,
	STOCKADE_EVENT_KERNEL = 11,    /* `surface` says what */
	STOCKADE_EVENT_TRACE = 12,     /* of another container's process */
	STOCKADE_EVENT_PROTECTED = 13, /* of what belongs to the daemon */
	STOCKADE_EVENT_SYSCALL = 14,   /* a seccomp filter may have stopped it; struct stockade_syscall follows */
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
	STOCKADE_INTERNAL = 10, /* the program could not decide (a read failed, no memory), and refused */
	STOCKADE_STRAY = 11,
	STOCKADE_UNPARSED_PACKET = 12,
	STOCKADE_UNKNOWN_PATH = 13,   /* a file that no mount of the container's start reaches */
	STOCKADE_PROTECTION = 14,     /* no rule, but what holds for every container */
	STOCKADE_UNKNOWN_FILTER = 15, /* a seccomp filter that the daemon does not have */
};

/* What the program did, which differs from what the rule says. */
enum stockade_effect {
	STOCKADE_AUDITED = 1,
	STOCKADE_REFUSED = 2, /* the call failed with EPERM or EACCES */
	STOCKADE_KILLED = 3,
	STOCKADE_DROPPED = 4, /* a packet */
};

/* `surface` of EVENT_PROTECTED: the part of Stockade that a task tried to reach. */
enum stockade_protected {
	STOCKADE_PROTECTED_FILE = 1,
	STOCKADE_PROTECTED_MOUNT = 2,
	STOCKADE_PROTECTED_BPF = 3,
	STOCKADE_PROTECTED_PROCESS = 4,
};

/*
 * Ring buffer `events`. path_length + arguments_length + hook_length bytes follow: the path, argv with its NULs, and,
 * with reason STOCKADE_NOT_OPEN, the path of the hook that would have run the file.
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
	stockade_u32 pid;      /* thread group in the initial pid namespace; 0: no task, as for a packet */
	stockade_u32 tid;
	stockade_u32 parent_pid;
	stockade_u32 uid;
	stockade_u32 access;  /* of EVENT_FILE: enum stockade_access */
	stockade_u32 surface; /* of EVENT_KERNEL: enum stockade_surface; of EVENT_PROTECTED: enum stockade_protected */
	stockade_u8 comm[16];
	stockade_u8 protocol; /* IPPROTO_* */
	stockade_u8 family;   /* AF_INET, AF_INET6; 0: no address. Of EVENT_KERNEL: the family that was refused */
	stockade_u16 local_port;
	stockade_u16 remote_port;
	stockade_u16 path_length;
	stockade_u16 arguments_length;
	stockade_u8 path_truncated;
	stockade_u8 arguments_truncated;
	stockade_u8 remote_address[16]; /* network order; IPv4 in the first 4; of bind() the local address */
	stockade_u64 target_id;		/* of EVENT_TRACE: cgroup id of the container whose process it was */
	stockade_u32 target_pid;	/* of EVENT_TRACE, and of EVENT_PROTECTED with a process */
	stockade_u16 hook_length;
	stockade_u16 notes; /* enum stockade_note */
};

/* Earlier programs write no other note than the first. */
enum stockade_note {
	STOCKADE_SOFTENED = 1, /* the policy blocks it, and a temporary audit let it pass */
	STOCKADE_RECORDED = 2, /* it is in the container's recording, and `target_id` is the half of its fact's key */
	STOCKADE_NOT_OF_IMAGE = 4,   /* the file is not of the container's image */
	STOCKADE_OF_ENTRYPOINT = 8,  /* of EVENT_EXEC: of the container's first program, or what its `env` starts */
	STOCKADE_RECORDED_ONLY = 16, /* of EVENT_EXEC: an earlier event told of it, and this one has the arguments */
};

/*
 * Key of a recording, which is a map in map `recordings` (key: cgroup id). The value, u64, counts how often. Most keys
 * are keyed hashes of what a task did, without who did so and when. What the first half says of the others:
 */
enum stockade_use {
	/* How many events were lost. Their facts are not in the map, so they are sent when the same is done again. */
	STOCKADE_LOST_FACTS = 0,
	STOCKADE_USES_SYSCALL = 1,    /* the other half: AUDIT_ARCH_* << 32 | the number, with bit 30 for x32 */
	STOCKADE_USES_CAPABILITY = 2, /* the other half: CAP_* */
	STOCKADE_WITH_ARGUMENTS = 3,  /* if the daemon put it there, execs with other arguments are other facts */
};

struct stockade_fact {
	stockade_u64 hash[2];
};

/* Map `counters`: per-CPU array of u64. */
enum stockade_counter {
	STOCKADE_EVENTS_DROPPED_FULL = 0, /* the ring buffer was full */
	STOCKADE_EVENTS_DROPPED_RATE = 1, /* over the container's rate limit */
	STOCKADE_FLOWS_FULL = 2,	  /* a flow could not be recorded */
	STOCKADE_MARK_FAILED = 3,	  /* no task storage: an exec was refused, or a forked task is in `strays` */
	STOCKADE_READ_FAILED = 4,	  /* a kernel read failed: refused */
	STOCKADE_STRAYS_FULL = 5,	  /* `strays` was full, or the container had its share: a process was killed */
	STOCKADE_SCRATCH_BUSY = 6,	  /* a program found its memory in use, which cannot happen: refused */
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
