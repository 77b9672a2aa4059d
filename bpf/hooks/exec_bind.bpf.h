/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Binds a task to its container in the course of an exec that cannot fail any more, and kills what may not run before
 * the new image's first instruction.
 */
#ifndef STOCKADE_EXEC_BIND_H
#define STOCKADE_EXEC_BIND_H

#include "report/exec_events.bpf.h"
#include "hooks/exec_env.bpf.h"
#include "lib/exec_task.bpf.h"

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
#define EXEC_NEXT_PATH	 2 /* what was executed may run by this path, and has another one */

/*
 * Whether the exec's arguments are wanted for a recording. Where files are judged before they are loaded, only the
 * policy's own argument rules look at them otherwise.
 */
static __always_inline bool wants_arguments(struct scratch *scratch, const struct stockade_container *container,
					    const struct stockade_policy *policy, __u32 stage)
{
	void *recording;

	if (stage != EXEC_ARGUMENTS || !(policy->flags & STOCKADE_AUDIT_ENTRYPOINT))
		return false;
	recording = recording_of(container->cgroup_id, STOCKADE_AUDITED);
	return recording && records_arguments(recording, &scratch->fact);
}

/* Judges and reports. Returns enum stockade_action; -1: the policy went away during the judgement. */
static int judge_in(struct scratch *scratch, const struct executable *executable,
		    const struct stockade_container *container, const struct stockade_policy *policy,
		    struct exec_arguments *arguments)
{
	__u32 action;

	image_identify(scratch, opened_place((struct file *)executable->file), container, executable->path);
	judge_exec(scratch, policy, executable->exception, executable->stage, arguments);
	if (!policy_stands(container))
		return -1;
	judgement_soften(&scratch->judgement, container);
	action = scratch->judgement.action;
	if (action == STOCKADE_ALLOW && wants_arguments(scratch, container, policy, executable->stage)) {
		scratch->judgement.recorded_only = 1;
		action = STOCKADE_AUDIT;
	}
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
	bool has_next;
	__u32 binding;
	int action;

	if (!executable || !of || !arguments)
		return bpf_send_signal(SIGKILL);
	container = *of;
	policy = policy_of(&container);
	if (!policy)
		return kill_unjudged(&container, STOCKADE_INTERNAL);
	binding = executable->stage == EXEC_ARGUMENTS ? STOCKADE_HAS_ARGUMENTS | STOCKADE_AUDIT_ENTRYPOINT
						      : STOCKADE_HAS_PROCESS;
	if (!(policy->flags & binding))
		return policy_stands(&container) ? 0 : EXEC_POLICY_GONE;
	scratch = scratch_claim();
	if (!scratch)
		return kill_unjudged(&container, STOCKADE_INTERNAL);
	/* An earlier attempt read the arguments into a scratch that it has given back. */
	arguments->read = false;
	action = judge_in(scratch, executable, &container, policy, arguments);
	has_next = has_path_after(&scratch->image, executable->path);
	scratch_release(scratch);
	if (action < 0)
		return EXEC_POLICY_GONE;
	/* Not before the scratch is released: on some kernels sending a signal can sleep. */
	if (action == STOCKADE_BLOCK)
		return bpf_send_signal(SIGKILL);
	return has_next ? EXEC_NEXT_PATH : 0;
}

static __always_inline int judge_executed(struct executable *executable, const struct stockade_container *container,
					  struct exec_arguments *arguments)
{
	int result = EXEC_NEXT_PATH;

	for (; executable->path < STOCKADE_FILE_PATHS_MAX && result == EXEC_NEXT_PATH; executable->path++) {
		result = EXEC_POLICY_GONE;
		for (int attempt = 0; attempt < JUDGE_ATTEMPTS && result == EXEC_POLICY_GONE; attempt++)
			result = judge_executed_once(executable, container, arguments);
	}
	return result == EXEC_POLICY_GONE ? kill_unjudged(container, STOCKADE_INTERNAL) : result;
}

struct script_search {
	struct scratch *scratch;
	const struct stockade_script_rules *rules;
	const struct exec_arguments *arguments;
	const struct stockade_container *container;
	__u32 argument_count; /* of the exec now */
	struct judgement strictest;
	__u64 revision; /* of the rule that says the strictest */
};

/*
 * What a script's rule says of the script's own arguments. Each interpreter puts its own in front of them, in place of
 * the script's first one: its name, perhaps an option, and the script's path.
 */
static long script_step(__u32 at, void *context)
{
	struct script_search *search = context;
	struct judgement *judgement = &search->scratch->judgement;
	const struct stockade_script_rule *script;
	struct argument_rules rules = {};

	if (at >= STOCKADE_SCRIPT_RULES_MAX)
		return 1;
	script = &search->rules->rule[at];
	/* No interpreter was added: it is the program that was loaded, whose rule is looked up anew. */
	if (script->argument_count >= search->argument_count)
		return 0;
	rules.revision = script->revision;
	rules.rule = script->rule;
	rules.count = script->arguments;
	rules.action = script->action;
	rules.skipped = search->argument_count - script->argument_count;
	judge_arguments(search->scratch, &rules, search->arguments);
	/* A policy that went away since the script was judged is not asked anew: the script is gone. */
	if (!revision_stands(rules.revision))
		judgement_set(judgement, STOCKADE_BLOCK, STOCKADE_INTERNAL);
	judgement_soften(judgement, search->container);
	if (judgement->action > search->strictest.action) {
		search->strictest = *judgement;
		search->revision = rules.revision;
	}
	return 0;
}

/*
 * Reports the judgement on a script. The path is the program's, among whose arguments the script is named. No part of
 * judge_scripts_in(), whose frame of the stack would be too large before Linux 6.2.
 */
static __noinline int report_script(struct scratch *scratch, const struct executable *executable,
				    const struct stockade_container *of, __u64 revision,
				    const struct exec_arguments *arguments)
{
	struct stockade_container container = *of;
	bool blocks = scratch->judgement.action == STOCKADE_BLOCK;

	image_identify(scratch, opened_place((struct file *)executable->file), &container, 0);
	/* The number of the rule is one of the policy that has it. */
	container.revision = revision;
	report_image(STOCKADE_EVENT_EXEC, &container, blocks ? STOCKADE_KILLED : STOCKADE_AUDITED, scratch, arguments);
	return 0;
}

/* Judges and reports. Returns enum stockade_action. */
static inline int judge_scripts_in(struct scratch *scratch, const struct stockade_script_rules *rules,
				   const struct executable *executable, const struct stockade_container *container,
				   struct exec_arguments *arguments)
{
	struct script_search search = {
		.scratch = scratch,
		.rules = rules,
		.arguments = arguments,
		.container = container,
		.argument_count = executable->arguments,
		.strictest = {.rule = STOCKADE_NO_RULE},
	};

	arguments_read(arguments, scratch);
	bpf_loop(rules->count, script_step, &search, 0);
	if (search.strictest.action == STOCKADE_ALLOW)
		return STOCKADE_ALLOW;
	scratch->judgement = search.strictest;
	report_script(scratch, executable, container, search.revision, arguments);
	return search.strictest.action;
}

/* Kills the current task if a script that it executes may not have these arguments. */
__noinline int scripts_judged(const struct executable *executable, const struct stockade_container *container,
			      struct exec_arguments *arguments)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct stockade_script_rules *rules = bpf_task_storage_get(&script_rules, task, NULL, 0);
	struct scratch *scratch;
	int action, error = 0;

	if (!rules || !rules->count)
		return 0;
	if (!executable || !container || !arguments)
		return bpf_send_signal(SIGKILL);
	scratch = scratch_claim();
	if (!scratch)
		return kill_unjudged(container, STOCKADE_INTERNAL);
	action = judge_scripts_in(scratch, rules, executable, container, arguments);
	scratch_release(scratch);
	if (action == STOCKADE_BLOCK)
		error = bpf_send_signal(SIGKILL);
	/* If the signal could not be sent, the next program that sees the exec needs them. */
	if (!error)
		bpf_task_storage_delete(&script_rules, task);
	return error;
}

const volatile __u32 exec_notes; /* enum stockade_exec_notes */

static inline int note_exec_of_nobody(struct task_struct *task, const struct stockade_container *container)
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
		stray_forget(KERNEL_READ(task, tgid));
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
		.arguments = binary ? KERNEL_READ(binary, argc) : 0,
	};
	enum stockade_reason reason;
	enum exec_owner owner = exec_owner(task, mark, binary, &container, &reason);
	int error = 0;

	if (owner == EXEC_OF_NOBODY && container.state == STOCKADE_GATE)
		remember_hook(&executable);
	if (owner == EXEC_OF_NOBODY && !mark)
		return note_exec_of_nobody(task, &container);
	if (owner == EXEC_OF_CONTAINER && !mark)
		mark = mark_first(task, container.cgroup_id);
	if (owner == EXEC_REFUSED && reason == STOCKADE_NOT_OPEN) {
		error = kill_not_open(&container, &executable);
	} else if (owner == EXEC_REFUSED || !mark) {
		error = kill_unjudged(&container, owner == EXEC_REFUSED ? reason : STOCKADE_INTERNAL);
	} else if (owner == EXEC_OF_CONTAINER) {
		executable.exception = exception_of(task, mark, binary, stage);
		if (stage == EXEC_ARGUMENTS)
			error = scripts_judged(&executable, &container, arguments);
		if (!error)
			error = judge_executed(&executable, &container, arguments);
		if (!error && executable.exception == EXCEPT_ENTRYPOINT && binary && names_env(binary) &&
		    loaded_env(&executable, &container))
			mark->entrypoint_exec |= STOCKADE_RUNS_ENV;
	}
	if (mark && !error)
		mark->judged_exec = exec_of(task);
	return error;
}

#endif
