// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Judges programs and files that are told in bytes, under BPF_PROG_TEST_RUN: no such files have to exist. The path and
 * the arguments are in memory of the caller.
 */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "decide/file_decide.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NOT_JUDGED 0xffffffffu

/* What is asked, as the tests write it. */
struct question {
	__u64 revision;
	__u64 path;	  /* STOCKADE_PATH_MAX_BYTES, of which the last ones are the path */
	__u64 over_long;  /* the path has no place there */
	__u64 start;	  /* of the path */
	__u64 last_slash; /* where its last component starts */
	__u64 flags;	  /* of the container */
	/* Of programs. */
	__u64 fresh;
	__u64 fileless;
	__u64 exception; /* enum exec_exception */
	__u64 arguments;
	__u64 arguments_end;
	__u64 arguments_count;
	/* Of files: enum stockade_access, and enum file_reach behind it. */
	__u64 access;
};

/* As if the walk had found the path. */
static bool take_told_path(struct scratch *scratch, const struct question *question)
{
	struct file_identity *image = &scratch->image;

	image->fresh = question->fresh;
	image->fileless = question->fileless;
	image->end = question->over_long ? WALK_OVER_LONG : WALK_WHOLE;
	image->start = question->start;
	image->last_slash = question->last_slash;
	return !bpf_probe_read_user(scratch->path, STOCKADE_PATH_MAX_BYTES, (const void *)question->path);
}

static __u32 answer_of(struct judgement *judgement, const struct question *question)
{
	struct stockade_container container = {.flags = question->flags};

	judgement_soften(judgement, &container);
	return judgement->action | judgement->argument << 2 | judgement->reason << 8 | judgement->rule << 16;
}

enum question_kind { ASK_EXEC, ASK_MAPPING, ASK_FILE };

static __always_inline __u32 judge_told(struct scratch *scratch, const struct question *question,
					enum question_kind kind)
{
	__u64 revision = question->revision;
	const struct stockade_policy *policy = bpf_map_lookup_elem(&policies, &revision);
	struct exec_arguments arguments = {
		.start = question->arguments,
		.end = question->arguments_end,
		.count = question->arguments_count,
	};
	struct file_access access = {.access = question->access & 0xff, .reach = question->access >> 8};

	if (!policy || !take_told_path(scratch, question))
		return NOT_JUDGED;
	if (kind == ASK_EXEC)
		judge_exec(scratch, policy, question->exception, EXEC_WHOLE, &arguments);
	else if (kind == ASK_MAPPING)
		judge_mapping(scratch, policy);
	else
		judge_file(scratch, policy, &access);
	return answer_of(&scratch->judgement, question);
}

static __always_inline __u32 judge_question(__u64 *context, enum question_kind kind)
{
	struct question question;
	struct scratch *scratch;
	__u32 answer;

	if (bpf_probe_read_user(&question, sizeof(question), (const void *)context[0]))
		return NOT_JUDGED;
	scratch = scratch_claim();
	if (!scratch)
		return NOT_JUDGED;
	answer = judge_told(scratch, &question, kind);
	scratch_release(scratch);
	return answer;
}

/* A pointer to the question. Returns action, argument, reason and the lower half of the rule's index. */
SEC("raw_tp")
int exec_decision(__u64 *context)
{
	return judge_question(context, ASK_EXEC);
}

SEC("raw_tp")
int mapping_decision(__u64 *context)
{
	return judge_question(context, ASK_MAPPING);
}

SEC("raw_tp")
int file_decision(__u64 *context)
{
	return judge_question(context, ASK_FILE);
}
