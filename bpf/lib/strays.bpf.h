/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Processes that belong to a container although neither their cgroup nor a mark says so: they left the cgroup, or there
 * was no memory for a mark. Each container has its share of the table.
 */
#ifndef STOCKADE_STRAYS_H
#define STOCKADE_STRAYS_H

#include <bpf/bpf_core_read.h>
#include "lib/maps.bpf.h"

/* When the task's process began. It tells the process from a later one with the same number. */
static inline __u64 process_start(struct task_struct *task)
{
	return BPF_CORE_READ(task, group_leader, start_boottime);
}

#define NANOSECONDS_PER_TICK (1000000000ull / 100) /* USER_HZ of /proc, the same on every architecture */

/* The same in the unit of /proc/PID/stat. */
static inline __u64 process_start_ticks(struct task_struct *task)
{
	return process_start(task) / NANOSECONDS_PER_TICK;
}

/* The container for which the task's process is remembered; 0: it is not remembered. */
static inline __u64 stray_of(struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	const struct stockade_stray *found = bpf_map_lookup_elem(&strays, &tgid);

	return found && found->start_ns == process_start(task) ? found->cgroup_id : 0;
}

static inline void stray_uncount(__u64 cgroup_id)
{
	__u32 *used = bpf_map_lookup_elem(&stray_counts, &cgroup_id);

	/* The daemon may have corrected it meanwhile. */
	if (used && *(volatile __u32 *)used)
		__sync_fetch_and_sub(used, 1);
}

static inline void stray_forget(__u32 tgid)
{
	const struct stockade_stray *found = bpf_map_lookup_elem(&strays, &tgid);
	__u64 cgroup_id;

	if (!found)
		return;
	cgroup_id = found->cgroup_id;
	if (!bpf_map_delete_elem(&strays, &tgid))
		stray_uncount(cgroup_id);
}

/* False: the container has its share already, or the table is full. */
static inline bool stray_add(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_stray stray = {.cgroup_id = cgroup_id, .start_ns = process_start(task)};
	__u32 *used = bpf_map_lookup_elem(&stray_counts, &cgroup_id);
	__u32 tgid = BPF_CORE_READ(task, tgid);

	if (stray_of(task) == cgroup_id)
		return true;
	/* The entry of an earlier process with the same number, whose end no program saw. */
	stray_forget(tgid);
	if (!used)
		return false;
	if (__sync_fetch_and_add(used, 1) < STOCKADE_STRAYS_OF_CONTAINER_MAX &&
	    !bpf_map_update_elem(&strays, &tgid, &stray, BPF_NOEXIST))
		return true;
	__sync_fetch_and_sub(used, 1);
	/* Another thread of the process may have come first. */
	return stray_of(task) == cgroup_id;
}

/*
 * Keeps a stray of an earlier Stockade, which knew no shares: the stray stays known even if the container then has more
 * than its share. There is room, because the earlier table was smaller.
 */
static inline void stray_take_over(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_stray stray = {.cgroup_id = cgroup_id, .start_ns = process_start(task)};
	__u32 tgid = BPF_CORE_READ(task, tgid), zero = 0, *used;

	stray_forget(tgid);
	bpf_map_update_elem(&stray_counts, &cgroup_id, &zero, BPF_NOEXIST);
	used = bpf_map_lookup_elem(&stray_counts, &cgroup_id);
	if (!bpf_map_update_elem(&strays, &tgid, &stray, BPF_NOEXIST) && used)
		__sync_fetch_and_add(used, 1);
}

#endif
