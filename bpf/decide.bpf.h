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
};

static inline void judge(struct judgement *judgement, __u32 action, enum stockade_reason reason)
{
	judgement->action = action;
	judgement->reason = reason;
}

/* Of a rule with argument rules: the first that matches decides; what cannot be looked at whole, the strictest. */
static inline void judge_arguments(struct judgement *judgement, const struct stockade_verdict *verdict, __u64 revision,
				   const struct exec_arguments *arguments)
{
	struct argument_match match = {};
	__u32 strictest;

	if (arguments_match(revision, verdict->rule, verdict->arguments, arguments->length, &match)) {
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
				  const struct stockade_policy *policy, const struct exec_arguments *arguments,
				  bool is_entrypoint)
{
	if (!verdict->present) {
		bool is_excepted = is_entrypoint && policy->flags & STOCKADE_ALLOW_ENTRYPOINT;

		judge(judgement, is_excepted ? STOCKADE_ALLOW : policy->process_default, STOCKADE_BY_DEFAULT);
		return;
	}
	judge(judgement, verdict->action, STOCKADE_BY_RULE);
	judgement->rule = verdict->rule;
	if (verdict->arguments)
		judge_arguments(judgement, verdict, policy->revision, arguments);
}

/* The whole order of precedence: fileless, newExecutables, rules, default. */
static inline void judge_exec(struct judgement *judgement, const struct image *image,
			      const struct stockade_policy *policy, const struct exec_arguments *arguments,
			      bool is_entrypoint)
{
	struct stockade_verdict verdict = {};

	judgement->rule = STOCKADE_NO_RULE;
	if (image->fileless) {
		judge(judgement, policy->fileless, STOCKADE_FILELESS);
		return;
	}
	if (image->end == WALK_OVER_LONG) {
		judge(judgement, policy->over_long, STOCKADE_OVER_LONG_PATH);
	} else if (image->end != WALK_WHOLE || rules_search(image, policy->revision, &verdict)) {
		judge(judgement, STOCKADE_BLOCK, STOCKADE_INTERNAL);
		count(STOCKADE_READ_FAILED);
		return;
	} else {
		judge_by_rules(judgement, &verdict, policy, arguments, is_entrypoint);
	}
	if (!image->fresh || (verdict.present && verdict.allow_new))
		return;
	/* Where both block, the newness is the reason. */
	if (policy->new_executables == STOCKADE_BLOCK || policy->new_executables > judgement->action)
		judge(judgement, policy->new_executables, STOCKADE_NEW_EXECUTABLE);
}

#endif
