// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tells the system calls that a seccomp filter stopped. Hook: the end of the function by which the kernel asks the
 * filters. It is called only for processes with a filter.
 */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "report/syscall_events.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline int syscall_answered(bool denied)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stockade_container container = {};
	struct pt_regs *regs;
	int number;
	__u32 flags;

	if (seccomp_mode(task) != SECCOMP_MODE_FILTER)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	number = syscall_number(regs);
	if (!denied && (number < 0 || is_always_allowed(task, number)))
		return 0;
	if (!syscall_container(task, &container, &flags))
		return 0;
	if (denied || flags & STOCKADE_SYSCALL_ANY_RESULT)
		report_syscall(&container, task, regs, flags, denied ? STOCKADE_REFUSED : STOCKADE_AUDITED, denied);
	return 0;
}

/* Up to Linux 7.0 or so; -1: the call is not made. Linux 6.15 took the parameter away, so the answer is asked for. */
SEC("?fexit/__secure_computing")
int syscall_return(void *context)
{
	__u64 answer = 0;

	bpf_get_func_ret(context, &answer);
	return syscall_answered((int)answer == -1);
}

/* The same function since then, with another name and answer. */
SEC("?fexit/__seccomp_permit_syscall")
int syscall_permit(void *context)
{
	__u64 answer = 0;

	bpf_get_func_ret(context, &answer);
	return syscall_answered(!(answer & 1));
}
