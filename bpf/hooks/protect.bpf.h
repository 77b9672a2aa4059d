/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What belongs to the daemon. A marked task that reaches for it is refused, whatever its profile says. */
#ifndef STOCKADE_PROTECT_H
#define STOCKADE_PROTECT_H

#include "lib/exec_task.bpf.h"
#include "hooks/kernel.bpf.h"

#define STOCKADE_OWN_OBJECTS_MAX       1024
#define STOCKADE_PROTECTED_INODES_MAX  256
#define STOCKADE_PROTECTED_DEVICES_MAX 64
#define STOCKADE_PROTECTED_LEVELS_MAX  64 /* what lies deeper below a protected folder is not protected */

/*
 * Kind and id of our maps and programs -> 1. Writer: the daemon, at its start, and when it loads programs later. Full:
 * the start fails, or those programs are left out.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_OWN_OBJECTS_MAX);
	__type(key, struct stockade_object);
	__type(value, __u32);
} own_objects SEC(".maps");

/* Folder -> enum stockade_protection. Writer: the daemon, at its start. Full: the start fails. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_PROTECTED_INODES_MAX);
	__type(key, struct stockade_inode);
	__type(value, __u32);
} protected_inodes SEC(".maps");

/*
 * Device of a folder in `protected_inodes` -> the greatest enum stockade_protection there, so that files elsewhere need
 * no walk. Writer: the daemon, at its start. Full: the start fails.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_PROTECTED_DEVICES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} protected_devices SEC(".maps");

/* 0 -> the daemon's process; tgid 0: none. Writer: the daemon, at its start. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stockade_process);
} daemon SEC(".maps");

/* -EPERM for a marked task, with an event unless `quietly`; 0 for any other task. */
static inline int refuse_if_marked(enum stockade_protected what, __u32 target_pid, bool quietly)
{
	struct attempt attempt = {
		.kind = STOCKADE_EVENT_PROTECTED,
		.surface = what,
		.reason = STOCKADE_PROTECTION,
		.effect = STOCKADE_REFUSED,
		.target_pid = target_pid,
	};
	struct stockade_container container = {};

	if (!bound_container(&container))
		return 0;
	if (!quietly)
		report_attempt(&container, &attempt);
	return -EPERM;
}

static inline bool is_own_object(enum stockade_object_kind kind, __u32 id)
{
	struct stockade_object key = {.kind = kind, .id = id};

	return bpf_map_lookup_elem(&own_objects, &key);
}

/* Not 0: the process is the daemon, and the current task is marked. */
__noinline int daemon_is_refused(__u32 tgid, __u64 start_boottime, __u32 quietly)
{
	__u32 zero = 0;
	struct stockade_process *process = bpf_map_lookup_elem(&daemon, &zero);

	if (!process || process->tgid != tgid || process->start_ticks != start_boottime / NANOSECONDS_PER_TICK)
		return 0;
	return refuse_if_marked(STOCKADE_PROTECTED_PROCESS, tgid, quietly);
}

static inline __u32 protection_of_device(struct super_block *super_block)
{
	__u32 device = KERNEL_READ(super_block, s_dev);
	__u32 *found = bpf_map_lookup_elem(&protected_devices, &device);

	return found ? *found : 0;
}

struct climb {
	struct dentry *dentry;
	__u32 device;
	__u32 protection;
};

/*
 * Looks at one folder and goes one up. Nobody who is bound can rename a folder on the way meanwhile: those folders are
 * protected too.
 */
static long climb_step(__u32 step, void *context)
{
	struct climb *climb = context;
	struct dentry *dentry = climb->dentry;
	struct stockade_inode key = {.number = KERNEL_READ(dentry, d_inode, i_ino), .device = climb->device};
	__u32 *found = bpf_map_lookup_elem(&protected_inodes, &key);

	/* A folder on the way to a protected one is protected itself; what else is in it is not. */
	if (found && (*found != STOCKADE_LEADS || !step)) {
		climb->protection = *found;
		return 1;
	}
	climb->dentry = KERNEL_READ(dentry, d_parent);
	return climb->dentry == dentry;
}

/* enum stockade_protection of a file or folder, 0: none. */
static __noinline __u32 protection_of(struct dentry *dentry, __u32 device)
{
	struct climb climb = {.dentry = dentry, .device = device};

	bpf_loop(STOCKADE_PROTECTED_LEVELS_MAX, climb_step, &climb, 0);
	return climb.protection;
}

/* The same for a dentry that may have no inode yet. The caller gives the super block of its folder. */
static inline __u32 protection_below(struct dentry *dentry, struct super_block *super_block)
{
	if (!protection_of_device(super_block))
		return 0;
	return protection_of(dentry, KERNEL_READ(super_block, s_dev));
}

#endif
