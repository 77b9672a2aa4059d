// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Binds a task to its container at its first exec there, and kills what may not run before the new image's first
 * instruction. Hook: sched_process_exec, where the kernel has the file that it loaded and the arguments that it copied;
 * nothing is read that another thread could still change.
 *
 * Tier `signal` judges all of it here, and so the final image only: of a script, its interpreter. The better tiers
 * judge files before they are loaded (exec_hooks.bpf.h) and leave the arguments to this program.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "exec_events.bpf.h"
#include "exec_task.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* 1: a better tier has judged the files. */
const volatile __u32 files_are_judged;

#define SIGKILL 9

/* Kills for what no policy decides: the gate, a closed container, a policy that is gone. Never softened by a mode. */
static __noinline int kill_unjudged(const struct stockade_container *container, enum stockade_reason reason)
{
	bpf_send_signal(SIGKILL);
	report_unjudged(STOCKADE_EVENT_EXEC, container, reason, STOCKADE_KILLED);
	return 0;
}

static int judge_in(__u32 slot, struct file *file, const struct stockade_container *container,
		    const struct stockade_policy *policy, bool entrypoint)
{
	struct image image = {.slot = slot};
	struct exec_arguments arguments = {};
	struct judgement judgement = {};

	image_identify(&image, opened_place(file), container->root_device);
	judge_exec(&judgement, &image, policy, entrypoint, files_are_judged ? EXEC_ARGUMENTS : EXEC_WHOLE, &arguments);
	if (judgement.action == STOCKADE_ALLOW)
		return 0;
	if (judgement.action == STOCKADE_BLOCK)
		bpf_send_signal(SIGKILL);
	if (!arguments.read)
		arguments_read(&arguments, slot);
	report_image(STOCKADE_EVENT_EXEC, container, &judgement,
		     judgement.action == STOCKADE_BLOCK ? STOCKADE_KILLED : STOCKADE_AUDITED, &image, &arguments);
	return 0;
}

static int judge_task(struct task_struct *task, struct stockade_mark *mark, struct file *file,
		      struct stockade_container *container)
{
	bool entrypoint = take_entrypoint(task, mark);
	const struct stockade_policy *policy = policy_of(container);
	__u32 slot;

	if (!policy)
		return kill_unjudged(container, STOCKADE_INTERNAL);
	if (!(policy->flags & STOCKADE_HAS_PROCESS))
		return 0;
	if (files_are_judged && !(policy->flags & STOCKADE_HAS_ARGUMENTS))
		return 0;
	slot = scratch_claim();
	if (slot == SCRATCH_SLOTS)
		return kill_unjudged(container, STOCKADE_INTERNAL);
	judge_in(slot, file, container, policy, entrypoint);
	scratch_release(slot);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_signal, struct task_struct *task, int old_pid, struct linux_binprm *binary)
{
	struct stockade_mark *mark = mark_of(task);
	struct stockade_container container = {};
	enum stockade_reason reason;
	enum exec_owner owner = exec_owner(task, mark, &container, &reason);

	if (owner == EXEC_OF_NOBODY)
		return 0;
	if (owner == EXEC_REFUSED)
		return kill_unjudged(&container, reason);
	if (!mark)
		mark = mark_task(task, container.cgroup_id);
	if (!mark)
		return kill_unjudged(&container, STOCKADE_INTERNAL);
	return judge_task(task, mark, BPF_CORE_READ(binary, file), &container);
}
