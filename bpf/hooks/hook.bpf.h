/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Hooks that refuse a call, for both tiers that can do so. At tier `lsm` a BPF LSM program is at the hook. At tier
 * `fmod_ret` a program is at the function that calls the hooks. Both programs get the same first arguments, and answer
 * with 0 or an errno. The first errno ends the call. Not every kernel has the optional hooks: whoever loads the object
 * asks for those that are there.
 */
#ifndef STOCKADE_HOOK_H
#define STOCKADE_HOOK_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "lib/mark.bpf.h"

#ifdef STOCKADE_TIER_FMOD_RET
#define HOOK(hook)		   SEC("fmod_ret/security_" #hook)
#define HOOK_NAMED(hook, function) SEC("fmod_ret/security_" #function)
#define HOOK_OPTIONAL(hook)	   SEC("?fmod_ret/security_" #hook)
#else
#define HOOK(hook)		   SEC("lsm/" #hook)
#define HOOK_NAMED(hook, function) SEC("lsm/" #hook)
#define HOOK_OPTIONAL(hook)	   SEC("?lsm/" #hook)
#endif

#define EPERM  1
#define EACCES 13

/* Marked tasks only: every other leaves after this one look-up. */
#define LEAVE_UNMARKED()                                                                                               \
	do {                                                                                                           \
		if (!mark_of(bpf_get_current_task_btf()))                                                              \
			return 0;                                                                                      \
	} while (0)

/*
 * The entry of the container that the current task belongs to. False: the task belongs to none, as the tasks of the
 * host and of the runtime do. A container that is gone has an entry of which nothing but the id is set.
 */
static inline bool bound_container(struct stockade_container *container)
{
	struct stockade_mark *mark = mark_of(bpf_get_current_task_btf());

	if (!mark)
		return false;
	container->cgroup_id = mark->cgroup_id;
	container_get(mark->cgroup_id, container);
	return true;
}

#endif
