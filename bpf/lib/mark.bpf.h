/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The mark: which container a task belongs to, wherever it went since. */
#ifndef STOCKADE_MARK_H
#define STOCKADE_MARK_H

#include "lib/kernel_read.bpf.h"
#include "lib/maps.bpf.h"

#define PF_IO_WORKER 0x10 /* include/linux/sched.h; the same on every kernel from 5.12 on */

/* A worker of io_uring acts for the process whose thread it is, and is not made by a fork that is seen. */
static inline struct stockade_mark *mark_of(struct task_struct *task)
{
	struct stockade_mark *mark = bpf_task_storage_get(&marks, task, NULL, 0);

	if (!mark && task->flags & PF_IO_WORKER)
		mark = bpf_task_storage_get(&marks, task->group_leader, NULL, 0);
	return mark && mark->cgroup_id ? mark : NULL;
}

/* Which of its execs a task is in: see judged_exec. */
static inline __u32 exec_of(struct task_struct *task)
{
	return KERNEL_READ(task, self_exec_id);
}

/* NULL: no memory; counted. */
static inline struct stockade_mark *mark_task(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_mark *mark = bpf_task_storage_get(&marks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (mark)
		mark->cgroup_id = cgroup_id;
	else
		count(STOCKADE_MARK_FAILED);
	return mark;
}

#endif
