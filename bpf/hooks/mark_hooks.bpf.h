/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Does in hooks what mark.bpf.c and exec_signal.bpf.c do at tracepoints. These hooks can refuse, and where the tier is
 * claimed the kernel does not skip them. Hooks: task_alloc (a child inherits its parent's mark, or is not made); at
 * tier `lsm` bprm_committed_creds (the exec binds the task to its container, and the arguments are judged). If there
 * was no memory for the mark, exec_check has refused the exec before the load.
 */
#ifndef STOCKADE_MARK_HOOKS_H
#define STOCKADE_MARK_HOOKS_H

#include "hooks/exec_bind.bpf.h"
#include "hooks/hook.bpf.h"

#define EAGAIN 11 /* what fork(2) says where something has run out */
#define ENOMEM 12 /* what io_uring is told, which tries again after the other */

/* For every fork, thread and worker of io_uring. The child is in no cgroup yet: mark_fork looks where it is. */
HOOK(task_alloc)
int BPF_PROG(mark_alloc, struct task_struct *child, unsigned long flags)
{
	struct stockade_mark *mark = mark_of(bpf_get_current_task_btf()), *copy;

	if (!mark)
		return 0;
	copy = mark_task(child, mark->cgroup_id);
	if (!copy)
		return child->flags & PF_IO_WORKER ? -ENOMEM : -EAGAIN;
	copy->judged_exec = mark->judged_exec;
	copy->stray = mark->stray;
	return 0;
}

/* This hook has no result that a program of tier `fmod_ret` could replace. */
#ifndef STOCKADE_TIER_FMOD_RET

/* The task has its new memory. The arguments are where the kernel copied them: it moves the stack only later. */
HOOK(bprm_committed_creds)
int BPF_PROG(exec_commit, struct linux_binprm *binary)
{
	struct exec_arguments arguments = {
		.start = binary->p,
		.end = binary->exec,
		.count = binary->argc,
	};

	bind_exec(bpf_get_current_task_btf(), binary->file, binary, EXEC_ARGUMENTS, &arguments);
	return 0;
}

#endif

#endif
