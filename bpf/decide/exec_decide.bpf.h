/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a policy says of an exec. Tier-independent: the hook identifies file, task and container, and carries out what
 * is decided here. Sources/Policy/Decision/ExecDecision.swift is the same in Swift; a test compares the two.
 */
#ifndef STOCKADE_EXEC_DECIDE_H
#define STOCKADE_EXEC_DECIDE_H

#include "decide/arguments.bpf.h"
#include "lib/audit.bpf.h"
#include "decide/rules.bpf.h"

static inline void judgement_set(struct judgement *judgement, __u32 action, enum stockade_reason reason)
{
	judgement->action = action;
	judgement->reason = reason;
}

/* Called once for each judgement, when it is whole. */
static inline void judgement_soften(struct judgement *judgement, const struct stockade_container *container)
{
	__u32 softened = is_softened(container, judgement->action, judgement->reason);

	judgement->softened = softened;
	judgement->action -= softened * (STOCKADE_BLOCK - STOCKADE_AUDIT);
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
	__u32 kind;	 /* enum stockade_event_kind */
	__u32 stage;	 /* enum exec_stage */
	__u16 exception; /* enum exec_exception */
	__u16 path;	 /* which of the file's paths */
	__u32 arguments; /* how many the exec has now: a script's interpreter gets more than the script */
};

/* What `allowEntrypoint` allows. */
enum exec_exception {
	EXCEPT_NOTHING,
	EXCEPT_ENTRYPOINT,
	EXCEPT_RUN_BY_ENV, /* only a file of the image: what the entrypoint's `#!/usr/bin/env` starts */
};

/*
 * Judges arguments that were read. The first argument rule that matches decides. If the arguments cannot be read whole,
 * the strictest one decides.
 */
static inline void judge_arguments(struct scratch *scratch, const struct argument_rules *rules,
				   const struct exec_arguments *arguments)
{
	struct judgement *judgement = &scratch->judgement;
	struct argument_match match = {};
	__u32 strictest;

	arguments_find_match(rules, arguments, scratch, &match);
	strictest = match.strictest > rules->action ? match.strictest : rules->action;
	judgement_set(judgement, rules->action, STOCKADE_BY_RULE);
	judgement->rule = rules->rule;
	if (arguments->unreadable)
		judgement_set(judgement, strictest, STOCKADE_INTERNAL);
	else if (arguments->over_long)
		judgement_set(judgement, strictest, STOCKADE_OVER_LONG_ARGUMENTS);
	else if (match.matched)
		judgement_set(judgement, match.action, STOCKADE_ARGUMENT);
	judgement->argument = match.position;
}

static inline bool is_excepted(const struct scratch *scratch, const struct stockade_policy *policy,
			       enum exec_exception exception)
{
	if (!(policy->flags & STOCKADE_ALLOW_ENTRYPOINT))
		return false;
	return exception == EXCEPT_ENTRYPOINT || (exception == EXCEPT_RUN_BY_ENV && !scratch->image.fresh);
}

static inline void judge_by_rules(struct scratch *scratch, const struct stockade_policy *policy,
				  enum exec_exception exception)
{
	bool excepted = is_excepted(scratch, policy, exception);
	__u32 allowed = policy->flags & STOCKADE_AUDIT_ENTRYPOINT ? STOCKADE_AUDIT : STOCKADE_ALLOW;
	const struct stockade_verdict *verdict = &scratch->found.path[0];
	struct judgement *judgement = &scratch->judgement;

	if (verdict->present)
		judgement_set(judgement, verdict->action, STOCKADE_BY_RULE);
	else
		judgement_set(judgement, excepted ? allowed : policy->process_default, STOCKADE_BY_DEFAULT);
	judgement->rule = verdict->present ? verdict->rule : STOCKADE_NO_RULE;
}

/* Finds the most specific rule for the path. -1: it cannot, and has set the judgement. */
static inline int judge_path(struct scratch *scratch, const struct stockade_policy *policy)
{
	if (scratch->image.end == WALK_OVER_LONG) {
		judgement_set(&scratch->judgement, policy->over_long, STOCKADE_OVER_LONG_PATH);
		return -1;
	}
	if (scratch->image.end == WALK_NOWHERE) {
		judgement_set(&scratch->judgement, stockade_unknown_path(policy->unknown_path, 0),
			      STOCKADE_UNKNOWN_PATH);
		return -1;
	}
	if (scratch->image.end == WALK_WHOLE && !rules_search(scratch, policy, RULES_OF_PROCESS))
		return 0;
	judgement_set(&scratch->judgement, STOCKADE_BLOCK, STOCKADE_INTERNAL);
	count(STOCKADE_READ_FAILED);
	return -1;
}

static inline void judge_own_arguments(struct scratch *scratch, const struct stockade_policy *policy,
				       struct exec_arguments *arguments)
{
	const struct stockade_verdict *verdict = &scratch->found.path[0];
	struct argument_rules rules = {
		.revision = policy->revision,
		.rule = verdict->rule,
		.count = verdict->arguments,
		.action = verdict->action,
	};

	arguments_read(arguments, scratch);
	judge_arguments(scratch, &rules, arguments);
}

/*
 * newExecutables comes before the rules: where both block, the newness is the reason. But what cannot be decided stays
 * so, since no audit softens that.
 */
static inline void judge_newness(struct scratch *scratch, const struct stockade_policy *policy)
{
	const struct stockade_verdict *verdict = &scratch->found.path[0];
	const struct judgement *judgement = &scratch->judgement;

	if (!scratch->image.fresh || (verdict->present && verdict->allow_new))
		return;
	if (judgement->action == STOCKADE_BLOCK && judgement->reason == STOCKADE_INTERNAL)
		return;
	if (policy->new_executables == STOCKADE_BLOCK || policy->new_executables > judgement->action)
		judgement_set(&scratch->judgement, policy->new_executables, STOCKADE_NEW_EXECUTABLE);
}

/*
 * The whole order of precedence: fileless, newExecutables, rules, default. Inlined, since frames of the stack add up: a
 * call on the way to an argument's comparison would take what is left of it.
 */
static __always_inline void judge_exec(struct scratch *scratch, const struct stockade_policy *policy,
				       enum exec_exception exception, enum exec_stage stage,
				       struct exec_arguments *arguments)
{
	const struct stockade_verdict *verdict = &scratch->found.path[0];
	struct judgement *judgement = &scratch->judgement;

	scratch->exception = exception;
	if (scratch->image.fileless) {
		judgement_set(judgement, stage == EXEC_ARGUMENTS ? STOCKADE_ALLOW : policy->fileless,
			      STOCKADE_FILELESS);
		return;
	}
	if (!judge_path(scratch, policy)) {
		judge_by_rules(scratch, policy, exception);
		if (verdict->arguments && stage != EXEC_FILE)
			judge_own_arguments(scratch, policy, arguments);
		else if (verdict->arguments || stage == EXEC_ARGUMENTS)
			judgement->action = STOCKADE_ALLOW;
	} else if (stage == EXEC_ARGUMENTS && judgement->reason != STOCKADE_INTERNAL) {
		judgement->action = STOCKADE_ALLOW;
	}
	if (stage != EXEC_ARGUMENTS)
		judge_newness(scratch, policy);
}

/*
 * A file that is mapped to be executed without an exec: a library, or a program that a loader was told to load. It need
 * not be listed, but what is denied by name, new or fileless is denied here as well. Its arguments are in memory that
 * the process can write, so the strictest of what could be said of them holds.
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
		/* An earlier Stockade did not write the strictest one. */
		judgement_set(judgement, verdict->strictest > verdict->action ? verdict->strictest : verdict->action,
			      STOCKADE_BY_RULE);
		judgement->rule = verdict->rule;
	} else if (judgement->reason == STOCKADE_UNKNOWN_PATH) {
		judgement->action = stockade_unknown_path(policy->unknown_path, STOCKADE_MAPPED_SHIFT);
	}
	judge_newness(scratch, policy);
}

#endif
