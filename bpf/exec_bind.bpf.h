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

/*
 * Kills where no policy decides: behind a gate, in a closed container, without a policy. `mode: Audit` does not change
 * that. Not 0, here and below: the signal could not be sent, and the next program that sees the exec judges it anew.
 */
static __noinline int kill_unjudged(const struct stockade_container *container, enum stockade_reason reason)
{
	int error = bpf_send_signal(SIGKILL);

	if (!error)
		report_unjudged(STOCKADE_EVENT_EXEC, container, reason, STOCKADE_KILLED);
	return error;
}

/* No answer of bpf_send_signal(): the policy went away during the judgement, and nothing was done. */
#define EXEC_POLICY_GONE 1

/* Judges and reports. Returns enum stockade_action; -1: the policy went away during the judgement. */
static int judge_in(struct scratch *scratch, const struct executable *executable,
		    const struct stockade_container *container, const struct stockade_policy *policy,
		    struct exec_arguments *arguments)
{
	__u32 action;

	image_identify(scratch, opened_place((struct file *)executable->file), container->root_device);
	judge_exec(scratch, policy, executable->entrypoint, executable->stage, arguments);
	action = scratch->judgement.action;
	if (!policy_stands(container))
		return -1;
	if (action == STOCKADE_ALLOW)
		return action;
	if (!arguments->read)
		arguments_read(arguments, scratch);
	report_image(STOCKADE_EVENT_EXEC, container, action == STOCKADE_BLOCK ? STOCKADE_KILLED : STOCKADE_AUDITED,
		     scratch, arguments);
	return action;
}

/* Kills the current task where it may not be what it executed. A function of its own for the verifier. */
__noinline int judge_executed_once(const struct executable *executable, const struct stockade_container *of,
				   struct exec_arguments *arguments)
{
	struct stockade_container container; /* on the stack: before Linux 6.2 no key of a map is anywhere else */
	const struct stockade_policy *policy;
	struct scratch *scratch;
	bool is_bound;
	int action;

	if (!executable || !of || !arguments)
		return bpf_send_signal(SIGKILL);
	container = *of;
	policy = policy_of(&container);
	if (!policy)
		return kill_unjudged(&container, STOCKADE_INTERNAL);
	is_bound =
		policy->flags & (executable->stage == EXEC_ARGUMENTS ? STOCKADE_HAS_ARGUMENTS : STOCKADE_HAS_PROCESS);
	if (!is_bound)
		return policy_stands(&container) ? 0 : EXEC_POLICY_GONE;
	scratch = scratch_claim();
	if (!scratch)
		return kill_unjudged(&container, STOCKADE_INTERNAL);
	/* An earlier attempt read the arguments into a scratch that it has given back. */
	arguments->read = false;
	action = judge_in(scratch, executable, &container, policy, arguments);
	scratch_release(scratch);
	if (action < 0)
		return EXEC_POLICY_GONE;
	/* Not before the scratch is released: on some kernels sending a signal can sleep. */
	return action == STOCKADE_BLOCK ? bpf_send_signal(SIGKILL) : 0;
}

static __always_inline int judge_executed(const struct executable *executable,
					  const struct stockade_container *container, struct exec_arguments *arguments)
{
	int result = EXEC_POLICY_GONE;

	for (int attempt = 0; attempt < JUDGE_ATTEMPTS && result == EXEC_POLICY_GONE; attempt++)
		result = judge_executed_once(executable, container, arguments);
	return result == EXEC_POLICY_GONE ? kill_unjudged(container, STOCKADE_INTERNAL) : result;
}

const volatile __u32 exec_notes; /* enum stockade_exec_notes */

static inline int note_nobodys(struct task_struct *task, const struct stockade_container *container)
{
	struct stockade_mark *note;

	if (exec_notes == STOCKADE_NOTES_OF_NONE ||
	    (exec_notes == STOCKADE_NOTES_OF_CONTAINERS && !container->cgroup_id))
		return 0;
	note = bpf_task_storage_get(&marks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (note)
		note->judged_exec = exec_of(task);
	else if (container->cgroup_id && (container->state != STOCKADE_OPEN || container->revision))
		return kill_unjudged(container, STOCKADE_INTERNAL);
	return 0;
}

/* Sets the first mark. A task that was remembered because it had none is a stray now only if it left the cgroup. */
static struct stockade_mark *mark_first(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_mark *mark = mark_task(task, cgroup_id);

	if (!mark || !stray_of(task))
		return mark;
	mark->stray = !task_is_below(task, cgroup_id);
	if (!mark->stray)
		stray_forget(BPF_CORE_READ(task, tgid));
	return mark;
}

/* Kills behind a gate or in a closed container. The event names the file, and the hook that would have run it. */
static inline int kill_not_open(const struct stockade_container *container, const struct executable *executable)
{
	int error = bpf_send_signal(SIGKILL);

	if (!error)
		report_not_open(executable, container, STOCKADE_KILLED);
	return error;
}

/*
 * Binds the task, judges the exec, and kills what may not run.
 *
 * `binary`: NULL when the exec is over; behind a gate a hook's exec is refused then. `arguments`: only their place is
 * set.
 */
static __always_inline int bind_exec(struct task_struct *task, struct file *file, struct linux_binprm *binary,
				     enum exec_stage stage, struct exec_arguments *arguments)
{
	struct stockade_mark *mark = mark_of(task);
	struct stockade_container container = {};
	struct executable executable = {
		.file = (__u64)file,
		.kind = STOCKADE_EVENT_EXEC,
		.stage = stage,
	};
	enum stockade_reason reason;
	enum exec_owner owner = exec_owner(task, mark, binary, &container, &reason);
	int error = 0;

	if (owner == EXEC_OF_NOBODY && container.state == STOCKADE_GATE)
		remember_hook(&executable);
	if (owner == EXEC_OF_NOBODY && !mark)
		return note_nobodys(task, &container);
	if (owner == EXEC_OF_CONTAINER && !mark)
		mark = mark_first(task, container.cgroup_id);
	if (owner == EXEC_REFUSED && reason == STOCKADE_NOT_OPEN) {
		error = kill_not_open(&container, &executable);
	} else if (owner == EXEC_REFUSED || !mark) {
		error = kill_unjudged(&container, owner == EXEC_REFUSED ? reason : STOCKADE_INTERNAL);
	} else if (owner == EXEC_OF_CONTAINER) {
		executable.entrypoint = take_entrypoint(task, mark);
		error = judge_executed(&executable, &container, arguments);
	}
	if (mark && !error)
		mark->judged_exec = exec_of(task);
	return error;
}

#endif
