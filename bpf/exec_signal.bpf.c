// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Binds a task to its container at its first exec there, and kills what may not run before the new image's first
 * instruction. Hook: sched_process_exec, where the kernel has the file that it loaded and the arguments that it copied;
 * nothing is read that another thread could still change.
 *
 * Tier `signal` judges all of it here, and so the final image only: of a script, its interpreter. The better tiers
 * judge files before they are loaded (exec_hooks.bpf.h) and leave the arguments to this program. At tier `lsm`
 * mark_hooks.bpf.h comes first, and this program finds the exec judged. Where it can be skipped, exec_return.bpf.c
 * comes after it.
 */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "hooks/exec_bind.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* 1: a better tier has judged the files. */
const volatile __u32 files_are_judged;

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_signal, struct task_struct *task, int old_pid, struct linux_binprm *binary)
{
	struct exec_arguments arguments = {};
	struct stockade_mark *mark = mark_of(task);

	if (mark && mark->judged_exec && mark->judged_exec == exec_of(task))
		return 0;
	return bind_exec(task, BPF_CORE_READ(binary, file), binary, files_are_judged ? EXEC_ARGUMENTS : EXEC_WHOLE,
			 &arguments);
}
