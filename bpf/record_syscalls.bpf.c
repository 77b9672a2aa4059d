// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Notes which system calls a recorded container makes. Hook: sys_enter, behind the seccomp filters, so what they refuse
 * is not noted. What the runtime's init does before its exec is not the container's yet. Each call of each process of
 * the node comes by while the program is attached.
 */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "lib/syscall.bpf.h"
#include "report/use_facts.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sys_enter")
int BPF_PROG(record_syscall, struct pt_regs *regs, long number)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (number >= 0)
		note_use(task, STOCKADE_USES_SYSCALL, (__u64)syscall_architecture(task) << 32 | (__u32)number);
	return 0;
}
