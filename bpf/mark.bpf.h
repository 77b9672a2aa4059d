/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The mark: which container a task belongs to, wherever it went since. */
#ifndef STOCKADE_MARK_H
#define STOCKADE_MARK_H

#include "maps.bpf.h"

static inline struct stockade_mark *mark_of(struct task_struct *task)
{
	struct stockade_mark *mark = bpf_task_storage_get(&marks, task, NULL, 0);

	return mark && mark->cgroup_id ? mark : NULL;
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
