/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is bound: containers, gates, tasks, and what belongs to the daemon. */
#ifndef STOCKADE_CONTAINERS_H
#define STOCKADE_CONTAINERS_H

#include "stockade_base.h"

/* ---- containers: who is bound ---- */

enum stockade_container_state {
	STOCKADE_CLOSED =
		0, /* nothing in it may exec: it was not let through yet, or is refused, or is being released */
	STOCKADE_OPEN = 1,
	/* The task is behind the gate of a pod and has no entry of its own, so it may not exec. Programs say so. An
	 * entry of the map with this state was made by a Stockade that had no map `gates`. */
	STOCKADE_GATE = 2,
};

/*
 * Map `containers`, key: cgroup id (u64). The kernel can reuse a hash element for this or another key while a program
 * reads the element. So a reader copies the element, and uses the copy only if key and check are right.
 */
struct stockade_container {
	stockade_u64 cgroup_id;
	stockade_u64 revision;	  /* of the policy; 0: there is none, the container was let through unconfined */
	stockade_u32 state;	  /* enum stockade_container_state */
	stockade_u32 root_device; /* s_dev of the container's root file system, as the kernel encodes it */
	stockade_u32 check;	  /* stockade_container_check of the rest; whoever writes the map sets it */
	stockade_u32 flags;	  /* enum stockade_container_flags */
};

enum stockade_container_flags {
	STOCKADE_RAN_BEFORE = 1, /* it ran before it was confined, and not all of its tasks are marked yet */
	/* Its mounts are in map `volumes`. An earlier Stockade made no such map, and judged a file by where it is
	 * mounted now. */
	STOCKADE_HAS_VOLUMES = 2,
	/* Its policy has no rules for files, so no file is judged. An earlier Stockade asks the policy. */
	STOCKADE_HAS_NO_FILE_RULES = 4,
	/* The bits from here on, enough for eight years, are the deadline of a temporary audit:
	 * stockade_audit_until(). Programs of an earlier Stockade do not look at them, and block. */
	STOCKADE_AUDIT_SHIFT = 4,
};

/* Seconds of CLOCK_BOOTTIME at which the container's temporary audit ends; 0: it has none. It may be over. */
static inline stockade_u32 stockade_audit_until(const struct stockade_container *container)
{
	return container->flags >> STOCKADE_AUDIT_SHIFT;
}

/* Tells a whole container from one that is half of an older and half of a newer value. */
static inline stockade_u32 stockade_container_check(const struct stockade_container *container)
{
	stockade_u64 sum = container->cgroup_id * 0x9e3779b97f4a7c15ull + container->revision * 0xbf58476d1ce4e5b9ull;
	sum += ((stockade_u64)container->state) * 0x94d049bb133111ebull;
	sum += (stockade_u64)container->root_device * 0xd6e8feb86659fd93ull;
	sum += (stockade_u64)container->flags * 0xa0761d6478bd642full;
	return (stockade_u32)(sum >> 32);
}

/* ---- volumes: what a container's mounts were when it started ---- */

#define STOCKADE_VOLUMES_MAX	       64   /* of one container */
#define STOCKADE_MOUNT_POINTS_BYTES    2944 /* of all their mount points together: an element takes a page */
#define STOCKADE_MOUNT_POINT_MAX_BYTES 256
#define STOCKADE_FILE_PATHS_MAX	       4 /* that a file can have; a file that has more has none */
#define STOCKADE_VOLUME_FILTER_BITS    256

enum stockade_volume_flags {
	/* The kubelet writes the volume: each file is in a folder that a time names, and links lead there. That folder
	 * is no part of the path. */
	STOCKADE_VOLUME_IS_ATOMIC = 1,
};

/* A mount. Two mounts with the same root give a file two paths. */
struct stockade_volume {
	stockade_u64 root;	 /* address of the root's inode; in map `volumes_staged` a descriptor of the root */
	stockade_u16 start;	 /* of its mount point, in `mount_points` */
	stockade_u16 length;	 /* of its mount point; 0: the container's root */
	stockade_u16 last_slash; /* of its mount point */
	stockade_u16 flags;	 /* enum stockade_volume_flags */
};

/*
 * Map `volumes`, key: cgroup id (u64). A mount is known by its root and not by where it is: so no mount that is made
 * later gives a file another path.
 */
struct stockade_volumes {
	stockade_u64 filter[STOCKADE_VOLUME_FILTER_BITS / 64]; /* a bit for each root, by stockade_volume_bit */
	stockade_u32 count;
	stockade_u32 pad;
	struct stockade_volume volume[STOCKADE_VOLUMES_MAX];
	stockade_u8 mount_points[STOCKADE_MOUNT_POINTS_BYTES];
};

static inline stockade_u32 stockade_volume_bit(stockade_u64 root)
{
	return (root * 0x9e3779b97f4a7c15ull >> 32) % STOCKADE_VOLUME_FILTER_BITS;
}

/* What program look_at_file says of a file. 0: the file is not of the container's root overlay. */
enum stockade_file_look {
	/* Nobody wrote it, copied it up or linked it since the root was made. In a folder there may be new files. */
	STOCKADE_FILE_IS_OF_IMAGE = 1,
	STOCKADE_FILE_IS_ROOT = 2, /* it is the root of the overlay */
};

/* ---- gates: pods whose containers wait to be let through ---- */

enum stockade_gate_state {
	STOCKADE_GATE_CLOSED = 1, /* a pod's cgroup: below it only the sandbox and who was let through may exec */
	STOCKADE_GATE_FREE = 2,	  /* a pod's cgroup: its containers need not be let through */
	STOCKADE_GATE_PARENT = 3, /* the cgroups in it are pods; a pod that is not in the table is closed */
	/* The same, while the pods that it has already are being entered. A pod that is not in the table runs on. */
	STOCKADE_GATE_NEW_PARENT = 4,
};

/* Map `gates`, key: cgroup id (u64). It is read as a container's entry is: a torn copy counts as closed. */
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
 * Map `sandboxes`, key: cgroup id (u64) of a pod's cgroup. It tells which cgroup in the pod's is the sandbox's: the
 * first one, since the runtime makes that one before it knows of any container. When that cgroup is gone or empty, the
 * next one is the sandbox's, but only if another shim starts its process. A container of the old sandbox has the old
 * shim.
 */
struct stockade_sandbox {
	stockade_u64 first_child; /* cgroup id; 0: there is none yet, or none since the last sandbox was over */
	stockade_u64 bound;	  /* the same once its shim is known, and then what is in it may exec; 0: not known */
	/* Of the sandbox that was bound last. start_ticks as in struct stockade_process. */
	stockade_u64 shim_start_ticks;
	stockade_u32 shim_tgid;
	stockade_u32 refused; /* how many execs below the pod's cgroup the gate refused */
};

/* Values of `first_child`. UNKNOWN: the pod's sandbox is older than the gate. It stays so until the pod is empty. */
#define STOCKADE_SANDBOX_NONE	 0xffffffffffffffffull /* the runtime starts no process for the sandbox */
#define STOCKADE_SANDBOX_UNKNOWN 0xfffffffffffffffeull

/* ---- tasks ---- */

/* Map `entrypoints`, key: cgroup id (u64). The exec that it allows deletes it. */
struct stockade_process {
	stockade_u32 tgid; /* in the initial pid namespace */
	stockade_u32 pad;
	stockade_u64 start_ticks; /* field 22 of /proc/PID/stat: start_boottime in USER_HZ (100) */
};

/* Map `marks`, task storage. */
struct stockade_mark {
	stockade_u64 cgroup_id;	 /* of the container; 0: the task is not marked */
	stockade_u64 pending_id; /* of the container to which the task will belong after its present exec */
	/* The task's self_exec_id during the exec that was allowed as the entrypoint; 0: none. While programs are
	 * replaced, two programs judge that exec, and the second one finds that the entry of `entrypoints` is gone. The
	 * uppermost bits are STOCKADE_RUNS_ENV and STOCKADE_RUN_BY_ENV. */
	stockade_u64 entrypoint_exec;
	stockade_u32 stray; /* 1: the task has left its container's cgroup */
	/* The lower half of the task's self_exec_id during the exec that was judged last; 0: none. Several programs run
	 * for each exec, and one of them may have been skipped. If the task is not marked, the exec is nobody's. */
	stockade_u32 judged_exec;
};

/* Of `entrypoint_exec`: the exec was a script's, and loaded the image's env. The task's next exec is allowed too. */
#define STOCKADE_RUNS_ENV (1ull << 63)
/* The exec was that next one. */
#define STOCKADE_RUN_BY_ENV (1ull << 62)

/* How many files one exec loads at most: the kernel follows five interpreters. */
#define STOCKADE_EXEC_FILES_MAX	  6
#define STOCKADE_SCRIPT_RULES_MAX (STOCKADE_EXEC_FILES_MAX * STOCKADE_FILE_PATHS_MAX)

/* A rule with argument rules that allowed a file of an exec, before the arguments could be judged. */
struct stockade_script_rule {
	stockade_u64 revision;
	stockade_u32 rule;
	stockade_u32 arguments;	     /* number of argument rules */
	stockade_u32 argument_count; /* of the exec when the file was judged: these are its last ones afterwards too */
	stockade_u32 action;	     /* enum stockade_action, where no argument rule matches */
};

/* Map `script_rules`, task storage: those of the task's present exec. */
struct stockade_script_rules {
	stockade_u32 count;
	stockade_u32 pad;
	struct stockade_script_rule rule[STOCKADE_SCRIPT_RULES_MAX];
};

/* Map `preemption_trial`, one element: a fork that takes long. Times are of CLOCK_MONOTONIC; 0: not yet. */
struct stockade_preemption_trial {
	stockade_u32 tid;	   /* of the thread that forks */
	stockade_u32 forks_before; /* how many forks the thread makes first, which take no time */
	stockade_u64 start_ns, end_ns;
};
#define STOCKADE_PREEMPTION_TRIAL_NS 10000000 /* how long the fork takes */

/* For which execs that are nobody's a program notes that it has looked at them. */
enum stockade_exec_notes {
	STOCKADE_NOTES_OF_NONE = 0,
	/* Another program comes after this one. It has to tell a hook of the runtime, wherever the hook is by then,
	 * from an exec for which this program was skipped. */
	STOCKADE_NOTES_OF_CONTAINERS = 1,
	STOCKADE_NOTES_OF_ALL = 2, /* so that the task's next way back to the user is short */
};

/* Map `strays`, key: thread group id (u32). */
struct stockade_stray {
	stockade_u64 cgroup_id; /* of the container that answers for the process */
	stockade_u64
		start_ns; /* start_boottime of its first thread; a later process with that number has another one */
};

/* A container's share of `strays`. A process that would be one more is killed. */
#define STOCKADE_STRAYS_OF_CONTAINER_MAX 512

/* Map `hooks`, key: thread group id (u32). For events: what a hook of the runtime executed last. */
struct stockade_hook {
	stockade_u64 started_ns; /* the process's start_boottime; a later process can have its number */
	stockade_u32 length;	 /* of the path; a longer path is cut */
	stockade_u32 pad;
	stockade_u8 path[STOCKADE_HOOK_PATH_MAX_BYTES];
};

/* ---- network state ---- */

/* How many flows a container has. If it opens one more, its flow that was unused for longest is forgotten. */
#define STOCKADE_FLOWS_OF_CONTAINER_MAX 4096

/* A flow of UDP, ICMP and the like is forgotten if it was unused for longer than this. */
#define STOCKADE_FLOW_IDLE_SECONDS 180

/* Cgroup storage `network_container`: the daemon sets it after the attach. 0: until then everything is dropped. */
struct stockade_network_container {
	stockade_u64 cgroup_id;
};

/* ---- what belongs to the daemon ---- */

enum stockade_object_kind { STOCKADE_OBJECT_MAP = 1, STOCKADE_OBJECT_PROGRAM = 2 };

/* Key of map `own_objects`. A link is known by its program. */
struct stockade_object {
	stockade_u32 kind; /* enum stockade_object_kind */
	stockade_u32 id;
};

/* Value of map `protected_inodes`. */
enum stockade_protection {
	STOCKADE_LEADS = 1, /* the folder leads to what is protected, and stays where it is */
	STOCKADE_KEEP = 2,  /* nothing in it is changed */
	STOCKADE_HIDE = 3,  /* nothing in it is changed or opened */
};

/* Key of map `protected_inodes`. */
struct stockade_inode {
	stockade_u64 number;
	stockade_u32 device; /* s_dev, as the kernel encodes it */
	stockade_u32 pad;
};

#endif
