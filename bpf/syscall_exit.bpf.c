// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tells the system calls that a seccomp filter may have stopped, where programs cannot be attached to functions. Hook:
 * sys_exit, where only the result is known. While it is attached, the kernel comes by here at the end of every call of
 * every process, so the first question is whether the process has a filter at all.
 */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "report/syscall_events.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_exit, struct pt_regs *regs, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stockade_container container = {};
	int number;
	bool failed;
	__u32 flags;

	if (seccomp_mode(task) != SECCOMP_MODE_FILTER)
		return 0;
	number = syscall_number(regs);
	if (number < 0 || is_always_allowed(task, number))
		return 0;
	if (!syscall_container(task, &container, &flags) || flags & STOCKADE_SYSCALL_CERTAIN)
		return 0;
	failed = may_be_denied(result, number);
	if (failed || flags & STOCKADE_SYSCALL_ANY_RESULT)
		report_syscall(&container, task, regs, flags, failed ? STOCKADE_REFUSED : STOCKADE_AUDITED, false);
	return 0;
}
