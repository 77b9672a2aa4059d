/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The process of a pod's sandbox may exec behind the pod's gate, though nobody has let it through. pods.bpf.c finds out
 * which cgroup is the sandbox's. This file finds out which process is: the shim starts it.
 */
#ifndef STOCKADE_SANDBOX_H
#define STOCKADE_SANDBOX_H

#include "lib/cgroup.bpf.h"
#include "lib/strays.bpf.h"

/* The cgroup is not the sandbox's. The next one that is made in the pod may be. */
static inline void sandbox_unclaim(struct stockade_sandbox *sandbox, __u64 child_id)
{
	__sync_val_compare_and_swap(&sandbox->first_child, child_id, 0);
}

/*
 * Whether an exec behind a gate is the sandbox's. It must be in the cgroup that was made first in the pod's, and the
 * shim must not have started a sandbox of the pod before. A task in the shim's mount namespace is still the runtime's,
 * on its way to a container.
 */
static __noinline bool starts_sandbox(struct task_struct *task, const struct cgroup_search *search)
{
	struct stockade_sandbox *sandbox = bpf_map_lookup_elem(&sandboxes, &search->pod_id);
	struct task_struct *shim = BPF_CORE_READ(task, real_parent);
	__u32 shim_tgid = BPF_CORE_READ(shim, tgid);
	__u64 child_id = search->child_id, start;

	if (!sandbox || !child_id || sandbox->first_child != child_id)
		return false;
	/* The sandbox has begun. What its process executes next is still the sandbox's. */
	if (sandbox->bound == child_id)
		return true;
	if (task_is_below(shim, child_id))
		return false;
	if (task_mount_namespace(task) == task_mount_namespace(shim))
		return true;
	start = process_start_ticks(shim);
	if (sandbox->shim_tgid == shim_tgid && sandbox->shim_start_ticks == start) {
		sandbox_unclaim(sandbox, child_id);
		return false;
	}
	if (__sync_val_compare_and_swap(&sandbox->bound, 0, child_id))
		return sandbox->bound == child_id;
	sandbox->shim_start_ticks = start;
	sandbox->shim_tgid = shim_tgid;
	return true;
}

#endif
