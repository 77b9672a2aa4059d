/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Binds a task to its container in the course of an exec that cannot fail any more, and kills what may not run before
 * the new image's first instruction.
 */
#ifndef STOCKADE_EXEC_BIND_H
#define STOCKADE_EXEC_BIND_H

#include "exec_events.bpf.h"
#include "exec_task.bpf.h"

#define SIGKILL 9

/* Kills for what no policy decides: the gate, a closed container, a policy that is gone. Never softened by a mode. */
static __noinline int kill_unjudged(const struct stockade_container *container, enum stockade_reason reason)
{
	bpf_send_signal(SIGKILL);
	report_unjudged(STOCKADE_EVENT_EXEC, container, reason, STOCKADE_KILLED);
	return 0;
}

static int judge_in(__u32 slot, struct file *file, const struct stockade_container *container,
		    const struct stockade_policy *policy, bool entrypoint, enum exec_stage stage,
		    struct exec_arguments *arguments)
{
	struct image image = {.slot = slot};
	struct judgement judgement = {};

	image_identify(&image, opened_place(file), container->root_device);
	judge_exec(&judgement, &image, policy, entrypoint, stage, arguments);
	if (judgement.action == STOCKADE_ALLOW)
		return 0;
	if (judgement.action == STOCKADE_BLOCK)
		bpf_send_signal(SIGKILL);
	if (!arguments->read)
		arguments_read(arguments, slot);
	report_image(STOCKADE_EVENT_EXEC, container, &judgement,
		     judgement.action == STOCKADE_BLOCK ? STOCKADE_KILLED : STOCKADE_AUDITED, &image, arguments);
	return 0;
}

static int judge_task(struct task_struct *task, struct stockade_mark *mark, struct file *file,
		      struct stockade_container *container, enum exec_stage stage, struct exec_arguments *arguments)
{
	bool entrypoint = take_entrypoint(task, mark);
	const struct stockade_policy *policy = policy_of(container);
	__u32 slot;

	if (!policy)
		return kill_unjudged(container, STOCKADE_INTERNAL);
	if (!(policy->flags & STOCKADE_HAS_PROCESS))
		return 0;
	if (stage == EXEC_ARGUMENTS && !(policy->flags & STOCKADE_HAS_ARGUMENTS))
		return 0;
	slot = scratch_claim();
	if (slot == SCRATCH_SLOTS)
		return kill_unjudged(container, STOCKADE_INTERNAL);
	judge_in(slot, file, container, policy, entrypoint, stage, arguments);
	scratch_release(slot);
	return 0;
}

/* `arguments`: where they are; nothing else of it is set. */
static __always_inline int bind_exec(struct task_struct *task, struct file *file, enum exec_stage stage,
				     struct exec_arguments *arguments)
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
	return judge_task(task, mark, file, &container, stage, arguments);
}

#endif
