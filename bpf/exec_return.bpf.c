// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Judges the execs that exec_signal.bpf.c was skipped for. Hook: x86_fpu_regs_activated, with preemption off. An exec
 * throws the task's floating point state away, so the kernel comes by here when the task returns to the user for the
 * first time after it: the arguments lie where they stay, and no instruction of the new image has run. It comes by
 * after most switches of tasks as well; then there is nothing to do.
 */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "hooks/exec_bind.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* include/linux/sched.h; the same on every kernel from 5.17 on. */
#define PF_FORKNOEXEC 0x00000040
#define PF_KTHREAD    0x00200000

/*
 * Whether an exec of this unmarked task may have gone unseen. What has not executed anything since its fork is a part
 * of the runtime that sets up a container, or else would have its parent's mark.
 */
static inline bool may_be_unseen(struct task_struct *task)
{
	struct stockade_container container = {};

	if (task->flags & (PF_FORKNOEXEC | PF_KTHREAD | PF_IO_WORKER))
		return false;
	if (task_mount_namespace(task) == runtime_mount_namespace)
		return false;
	return !(task_container(task, &container) && container.flags & STOCKADE_RAN_BEFORE);
}

SEC("tp_btf/x86_fpu_regs_activated")
int exec_return(void *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stockade_mark *mark = bpf_task_storage_get(&marks, task, NULL, 0);
	struct exec_arguments arguments = {};

	if (mark && mark->judged_exec == exec_of(task))
		return 0;
	if (!(mark && mark->cgroup_id) && !may_be_unseen(task))
		return 0;
	/* Where the signal could not be sent, the next time that the kernel comes by is the next try. */
	return bind_exec(task, BPF_CORE_READ(task, mm, exe_file), NULL, EXEC_WHOLE, &arguments);
}
