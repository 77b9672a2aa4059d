/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a policy says of an exec. Tier-independent: the hook identifies file, task and container, and carries out what
 * is decided here. Sources/Policy/ExecDecision.swift is the same in Swift; a test compares the two.
 */
#ifndef STOCKADE_DECIDE_H
#define STOCKADE_DECIDE_H

#include "arguments.bpf.h"
#include "rules.bpf.h"

struct judgement {
	__u32 action; /* enum stockade_action */
	__u32 reason; /* enum stockade_reason */
	__u32 rule;
	__u32 argument;
	__u32 access; /* of a file, what was tried */
};

static inline void judge(struct judgement *judgement, __u32 action, enum stockade_reason reason)
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

/* Of a rule with argument rules: the first that matches decides; what cannot be looked at whole, the strictest. */
static inline void judge_arguments(struct judgement *judgement, const struct stockade_verdict *verdict, __u64 revision,
				   struct exec_arguments *arguments, __u32 slot)
{
	struct argument_rules rules = {.revision = revision, .rule = verdict->rule, .count = verdict->arguments};
	struct argument_match match = {};
	__u32 strictest;

	if (arguments_read(arguments, slot) || arguments_match(&rules, arguments, slot, &match)) {
		judge(judgement, STOCKADE_BLOCK, STOCKADE_INTERNAL);
		return;
	}
	strictest = match.strictest > verdict->action ? match.strictest : verdict->action;
	if (arguments->unreadable)
		judge(judgement, strictest, STOCKADE_INTERNAL);
	else if (arguments->over_long)
		judge(judgement, strictest, STOCKADE_OVER_LONG_ARGUMENTS);
	else if (match.matched)
		judge(judgement, match.action, STOCKADE_ARGUMENT);
	judgement->argument = match.position;
}

static inline void judge_by_rules(struct judgement *judgement, const struct stockade_verdict *verdict,
				  const struct stockade_policy *policy, bool is_entrypoint)
{
	bool is_excepted = is_entrypoint && policy->flags & STOCKADE_ALLOW_ENTRYPOINT;

	if (verdict->present)
		judge(judgement, verdict->action, STOCKADE_BY_RULE);
	else
		judge(judgement, is_excepted ? STOCKADE_ALLOW : policy->process_default, STOCKADE_BY_DEFAULT);
	judgement->rule = verdict->present ? verdict->rule : STOCKADE_NO_RULE;
}

/* The rule that is most specific for a path that has one. -1: judged already. */
static inline int judge_path(struct judgement *judgement, const struct image *image,
			     const struct stockade_policy *policy, struct stockade_verdict *verdict)
{
	struct rules_found found;

	if (image->end == WALK_OVER_LONG) {
		judge(judgement, policy->over_long, STOCKADE_OVER_LONG_PATH);
		return -1;
	}
	if (image->end == WALK_WHOLE && !rules_search(image, policy->revision, RULES_OF_PROCESS, &found)) {
		*verdict = found.path[0];
		return 0;
	}
	judge(judgement, STOCKADE_BLOCK, STOCKADE_INTERNAL);
	count(STOCKADE_READ_FAILED);
	return -1;
}

/* newExecutables comes before the rules: where both block, the newness is the reason. */
static inline void judge_newness(struct judgement *judgement, const struct image *image,
				 const struct stockade_policy *policy, const struct stockade_verdict *verdict)
{
	if (!image->fresh || (verdict->present && verdict->allow_new))
		return;
	if (policy->new_executables == STOCKADE_BLOCK || policy->new_executables > judgement->action)
		judge(judgement, policy->new_executables, STOCKADE_NEW_EXECUTABLE);
}

/* The whole order of precedence: fileless, newExecutables, rules, default. */
static inline void judge_exec(struct judgement *judgement, const struct image *image,
			      const struct stockade_policy *policy, bool is_entrypoint, enum exec_stage stage,
			      struct exec_arguments *arguments)
{
	struct stockade_verdict verdict = {};

	judgement->rule = STOCKADE_NO_RULE;
	if (image->fileless) {
		judge(judgement, stage == EXEC_ARGUMENTS ? STOCKADE_ALLOW : policy->fileless, STOCKADE_FILELESS);
		return;
	}
	if (!judge_path(judgement, image, policy, &verdict)) {
		judge_by_rules(judgement, &verdict, policy, is_entrypoint);
		if (verdict.arguments && stage != EXEC_FILE)
			judge_arguments(judgement, &verdict, policy->revision, arguments, image->slot);
		else if (verdict.arguments || stage == EXEC_ARGUMENTS)
			judgement->action = STOCKADE_ALLOW;
	} else if (stage == EXEC_ARGUMENTS && judgement->reason == STOCKADE_OVER_LONG_PATH) {
		judgement->action = STOCKADE_ALLOW;
	}
	if (stage != EXEC_ARGUMENTS)
		judge_newness(judgement, image, policy, &verdict);
}

/*
 * A file that is mapped to be executed without an exec: a library, or a program that a loader was told to load. It need
 * not be listed, but what is denied by name, new or fileless is denied here as well.
 */
static inline void judge_mapping(struct judgement *judgement, const struct image *image,
				 const struct stockade_policy *policy)
{
	struct stockade_verdict verdict = {};

	judgement->rule = STOCKADE_NO_RULE;
	if (image->fileless) {
		judge(judgement, policy->fileless, STOCKADE_FILELESS);
		return;
	}
	if (!judge_path(judgement, image, policy, &verdict) && verdict.present) {
		judge(judgement, verdict.action, STOCKADE_BY_RULE);
		judgement->rule = verdict.rule;
	}
	judge_newness(judgement, image, policy, &verdict);
}

#endif
