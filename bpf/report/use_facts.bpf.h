/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Facts that need no event, since their key says all. */
#ifndef STOCKADE_USE_FACTS_H
#define STOCKADE_USE_FACTS_H

#include "lib/mark.bpf.h"
#include "lib/scratch.bpf.h"
#include "report/recording.bpf.h"

static __always_inline void note_use_of(struct task_struct *task, enum stockade_use use, __u64 number)
{
	const struct stockade_mark *mark = mark_of(task);
	struct stockade_fact fact = {.hash = {use, number}}, lost = {};
	__u64 once = 1, cgroup_id = mark ? mark->cgroup_id : 0;
	void *recording = cgroup_id ? bpf_map_lookup_elem(&recordings, &cgroup_id) : NULL;

	if (!recording || bpf_map_lookup_elem(recording, &fact))
		return;
	if (bpf_map_update_elem(recording, &fact, &once, BPF_ANY))
		fact_count(recording, &lost);
}

/*
 * Of a task that belongs to no recorded container nothing is noted. The kernel skips a program that it interrupted on
 * the same processor, so nothing interrupts this one.
 */
static __always_inline void note_use(struct task_struct *task, enum stockade_use use, __u64 number)
{
	hold_cpu();
	note_use_of(task, use, number);
	let_cpu_go();
}

/* What the kernel checks in somebody else's name, as overlayfs does in its mounter's, is no use of the container's. */
static __always_inline void note_capability(const struct cred *cred, int capability)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (cred == task->real_cred)
		note_use(task, STOCKADE_USES_CAPABILITY, capability);
}

#endif
