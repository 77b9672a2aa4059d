/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a policy says of an exec. Tier-independent: the hook identifies file, task and container, and carries out what
 * is decided here. Sources/Policy/ExecDecision.swift is the same in Swift; a test compares the two.
 */
#ifndef STOCKADE_DECIDE_H
#define STOCKADE_DECIDE_H

#include "arguments.bpf.h"
#include "rules.bpf.h"

static inline void judgement_set(struct judgement *judgement, __u32 action, enum stockade_reason reason)
{
	judgement->action = action;
	judgement->reason = reason;
}

/* When an exec is judged. A tier that judges files before they are loaded judges arguments after that. */
enum exec_stage {
	EXEC_FILE,	/* the file alone; a rule with argument rules says nothing yet */
	EXEC_ARGUMENTS, /* only what a rule with argument rules says */
	EXEC_WHOLE,
};

/* What is executed, or mapped to be. Kernel pointers are numbers, as global functions want them. */
struct executable {
	__u64 file;
	__u32 kind;	  /* enum stockade_event_kind */
	__u32 stage;	  /* enum exec_stage */
	__u32 entrypoint; /* 1: by the exec that is the container's entrypoint */
	__u32 pad;
};

/* The first argument rule that matches decides. If the arguments cannot be read whole, the strictest one decides. */
static inline void judge_arguments(struct scratch *scratch, __u64 revision, struct exec_arguments *arguments)
{
	const struct stockade_verdict *verdict = &scratch->found.path[0];
	struct argument_rules rules = {.revision = revision, .rule = verdict->rule, .count = verdict->arguments};
	struct judgement *judgement = &scratch->judgement;
	struct argument_match match = {};
	__u32 strictest;

	arguments_read(arguments, scratch);
	arguments_match(&rules, arguments, scratch, &match);
	strictest = match.strictest > verdict->action ? match.strictest : verdict->action;
	if (arguments->unreadable)
		judgement_set(judgement, strictest, STOCKADE_INTERNAL);
	else if (arguments->over_long)
		judgement_set(judgement, strictest, STOCKADE_OVER_LONG_ARGUMENTS);
	else if (match.matched)
		judgement_set(judgement, match.action, STOCKADE_ARGUMENT);
	judgement->argument = match.position;
}

static inline void judge_by_rules(struct scratch *scratch, const struct stockade_policy *policy, bool is_entrypoint)
{
	bool is_excepted = is_entrypoint && policy->flags & STOCKADE_ALLOW_ENTRYPOINT;
	const struct stockade_verdict *verdict = &scratch->found.path[0];
	struct judgement *judgement = &scratch->judgement;

	if (verdict->present)
		judgement_set(judgement, verdict->action, STOCKADE_BY_RULE);
	else
		judgement_set(judgement, is_excepted ? STOCKADE_ALLOW : policy->process_default, STOCKADE_BY_DEFAULT);
	judgement->rule = verdict->present ? verdict->rule : STOCKADE_NO_RULE;
}

/* Finds the most specific rule for the path. -1: it cannot, and has set the judgement. */
static inline int judge_path(struct scratch *scratch, const struct stockade_policy *policy)
{
	if (scratch->image.end == WALK_OVER_LONG) {
		judgement_set(&scratch->judgement, policy->over_long, STOCKADE_OVER_LONG_PATH);
		return -1;
	}
	if (scratch->image.end == WALK_WHOLE && !rules_search(scratch, policy, RULES_OF_PROCESS))
		return 0;
	judgement_set(&scratch->judgement, STOCKADE_BLOCK, STOCKADE_INTERNAL);
	count(STOCKADE_READ_FAILED);
	return -1;
}

/* newExecutables comes before the rules: where both block, the newness is the reason. */
static inline void judge_newness(struct scratch *scratch, const struct stockade_policy *policy)
{
	const struct stockade_verdict *verdict = &scratch->found.path[0];

	if (!scratch->image.fresh || (verdict->present && verdict->allow_new))
		return;
	if (policy->new_executables == STOCKADE_BLOCK || policy->new_executables > scratch->judgement.action)
		judgement_set(&scratch->judgement, policy->new_executables, STOCKADE_NEW_EXECUTABLE);
}

/*
 * The whole order of precedence: fileless, newExecutables, rules, default. Inlined, since frames of the stack add up: a
 * call on the way to an argument's comparison would take what is left of it.
 */
static __always_inline void judge_exec(struct scratch *scratch, const struct stockade_policy *policy,
				       bool is_entrypoint, enum exec_stage stage, struct exec_arguments *arguments)
{
	const struct stockade_verdict *verdict = &scratch->found.path[0];
	struct judgement *judgement = &scratch->judgement;

	if (scratch->image.fileless) {
		judgement_set(judgement, stage == EXEC_ARGUMENTS ? STOCKADE_ALLOW : policy->fileless,
			      STOCKADE_FILELESS);
		return;
	}
	if (!judge_path(scratch, policy)) {
		judge_by_rules(scratch, policy, is_entrypoint);
		if (verdict->arguments && stage != EXEC_FILE)
			judge_arguments(scratch, policy->revision, arguments);
		else if (verdict->arguments || stage == EXEC_ARGUMENTS)
			judgement->action = STOCKADE_ALLOW;
	} else if (stage == EXEC_ARGUMENTS && judgement->reason == STOCKADE_OVER_LONG_PATH) {
		judgement->action = STOCKADE_ALLOW;
	}
	if (stage != EXEC_ARGUMENTS)
		judge_newness(scratch, policy);
}

/*
 * A file that is mapped to be executed without an exec: a library, or a program that a loader was told to load. It need
 * not be listed, but what is denied by name, new or fileless is denied here as well.
 */
static inline void judge_mapping(struct scratch *scratch, const struct stockade_policy *policy)
{
	const struct stockade_verdict *verdict = &scratch->found.path[0];
	struct judgement *judgement = &scratch->judgement;

	if (scratch->image.fileless) {
		judgement_set(judgement, policy->fileless, STOCKADE_FILELESS);
		return;
	}
	if (!judge_path(scratch, policy) && verdict->present) {
		judgement_set(judgement, verdict->action, STOCKADE_BY_RULE);
		judgement->rule = verdict->rule;
	}
	judge_newness(scratch, policy);
}

#endif
