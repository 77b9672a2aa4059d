/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Processes that a container is answerable for although they are not found by their cgroup or by a mark: those that
 * left the cgroup, and those that there was no memory to mark. Each container has its share of the table.
 */
#ifndef STOCKADE_STRAYS_H
#define STOCKADE_STRAYS_H

#include <bpf/bpf_core_read.h>
#include "maps.bpf.h"

/* Of its process: tells it from a later one that got its number. */
static inline __u64 process_start(struct task_struct *task)
{
	return BPF_CORE_READ(task, group_leader, start_boottime);
}

#define NANOSECONDS_PER_TICK (1000000000ull / 100) /* USER_HZ of /proc, the same on every architecture */

/* As /proc tells it. */
static inline __u64 process_start_ticks(struct task_struct *task)
{
	return process_start(task) / NANOSECONDS_PER_TICK;
}

/* The container that the task's process is remembered for; 0: it is not. */
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
	/* Of an earlier process of that number, whose end was not seen. */
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
 * One that an earlier Stockade knew, when containers had no shares: it is known on, whatever that makes of the share.
 * It fits: that one's table had fewer elements.
 */
static inline void stray_keep(struct task_struct *task, __u64 cgroup_id)
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
