/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The new image's own arguments, and which argument rule they match. */
#ifndef STOCKADE_ARGUMENTS_H
#define STOCKADE_ARGUMENTS_H

#include <bpf/bpf_core_read.h>
#include "lib/scratch.bpf.h"

struct exec_arguments {
	__u64 start; /* where they are; 0: where the memory says, which it does not before the load */
	__u64 end;   /* of them and what follows */
	__u32 count; /* of them, where there is a start */

	__u32 length;	/* of what was read into scratch->arguments: each argument with its NUL */
	bool over_long; /* there is more */
	bool unreadable;
	bool read; /* whether length and what follows it are set */
};

/* The argument rules of one path rule. */
struct argument_rules {
	__u64 revision;
	__u32 rule;
	__u32 count;
	__u32 action;  /* enum stockade_action, where none of them matches */
	__u32 skipped; /* arguments in front that they are not about */
};

/* What they say. */
struct argument_match {
	__u32 position; /* of the rule that matched first */
	__u8 action;	/* of that rule */
	bool matched;
	__u8 strictest; /* of all argument rules */
	__u8 pad;
};

struct end_search {
	const struct scratch *scratch;
	__u32 length; /* up to the NUL that was found last */
	__u32 left;   /* arguments that have not ended */
};

static long end_step(__u32 at, void *context)
{
	struct end_search *search = context;

	if (search->scratch->arguments[at & (STOCKADE_ARGUMENTS_MAX_BYTES - 1)])
		return 0;
	search->length = at + 1;
	search->left -= 1;
	return !search->left;
}

/* How many of the first `length` bytes that were read are arguments: the environment follows them. */
static inline __u64 arguments_end(struct exec_arguments *arguments, const struct scratch *scratch, __u64 length)
{
	struct end_search search = {.scratch = scratch, .left = arguments->count};

	if (search.left)
		bpf_loop(length, end_step, &search, 0);
	arguments->over_long = search.left > 0;
	return arguments->over_long ? length : search.length;
}

/* Of the current task, whose new memory holds them already and nobody else maps. */
static __noinline void arguments_read(struct exec_arguments *arguments, struct scratch *scratch)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 start = arguments->start ? arguments->start : BPF_CORE_READ(task, mm, arg_start);
	__u64 end = arguments->start ? arguments->end : BPF_CORE_READ(task, mm, arg_end);
	__u64 length = end > start ? end - start : 0;

	arguments->read = true;
	arguments->over_long = length > STOCKADE_ARGUMENTS_MAX_BYTES;
	if (length > STOCKADE_ARGUMENTS_MAX_BYTES)
		length = STOCKADE_ARGUMENTS_MAX_BYTES;
	arguments->unreadable = bpf_probe_read_user(scratch->arguments, length, (const void *)start);
	if (arguments->unreadable)
		length = 0;
	else if (arguments->start)
		length = arguments_end(arguments, scratch, length);
	if (length > STOCKADE_ARGUMENTS_MAX_BYTES) /* for the verifier */
		length = STOCKADE_ARGUMENTS_MAX_BYTES;
	arguments->length = length;
	/* Rules' texts have no NUL, so no match goes beyond this. */
	scratch->arguments[length] = 0;
}

struct argument_search {
	const struct scratch *scratch;
	const struct stockade_argument *rule;
	__s32 index;   /* of the argument that is looked at; less than 0: it is skipped */
	bool at_start; /* of that argument */
	bool matched;
};

struct text_search {
	const struct scratch *scratch;
	const struct stockade_argument *rule;
	__u32 at;
	bool differs;
};

/* Compares 8 bytes of the rule's text, little-endian; a mask hides what is behind its end. */
static long text_step(__u32 word, void *context)
{
	struct text_search *search = context;
	__u32 offset = (word * 8) & (STOCKADE_ARGUMENT_TEXT_MAX_BYTES - 1);
	__u32 rest = search->rule->length - offset;
	__u64 mask = rest >= 8 ? ~0ull : (1ull << rest * 8) - 1;
	const __u8 *bytes = &search->scratch->arguments[search->at & (STOCKADE_ARGUMENTS_MAX_BYTES - 1)];

	search->differs = (*(const __u64 *)(bytes + offset) ^ *(const __u64 *)(search->rule->text + offset)) & mask;
	return search->differs;
}

/* A bpf_loop, since the verifier would walk an ordinary one anew for each start and length. */
static inline bool text_matches(const struct scratch *scratch, const struct stockade_argument *rule, __u32 at)
{
	struct text_search search = {.scratch = scratch, .rule = rule, .at = at};

	bpf_loop((rule->length + 7) / 8, text_step, &search, 0);
	return !search.differs;
}

static inline bool argument_matches_at(const struct argument_search *search, __u32 at)
{
	const struct stockade_argument *rule = search->rule;
	const __u8 *bytes = &search->scratch->arguments[at];

	if (search->index < 0)
		return false;
	if (rule->index != STOCKADE_NO_RULE && rule->index != (__u32)search->index)
		return false;
	if (rule->kind != STOCKADE_CONTAINS && !search->at_start)
		return false;
	if (rule->length && bytes[0] != rule->text[0])
		return false;
	if (!text_matches(search->scratch, rule, at))
		return false;
	return rule->kind != STOCKADE_EQUALS || !bytes[rule->length & (STOCKADE_ARGUMENT_TEXT_MAX_BYTES * 2 - 1)];
}

static long argument_step(__u32 step, void *context)
{
	struct argument_search *search = context;
	__u32 at = step & (STOCKADE_ARGUMENTS_MAX_BYTES - 1);

	search->matched = argument_matches_at(search, at);
	search->at_start = !search->scratch->arguments[at];
	if (search->at_start)
		search->index += 1;
	return search->matched;
}

struct list_search {
	const struct scratch *scratch;
	struct stockade_argument_key key;
	__u32 length;
	__u32 skipped;
	struct argument_match match;
};

static long list_step(__u32 position, void *context)
{
	struct list_search *list = context;
	struct argument_search search = {.scratch = list->scratch, .index = -list->skipped, .at_start = true};

	list->key.position = position;
	search.rule = bpf_map_lookup_elem(&arguments, &list->key);
	if (!search.rule)
		return 0;
	if (search.rule->action > list->match.strictest)
		list->match.strictest = search.rule->action;
	if (list->match.matched)
		return 0;
	bpf_loop(list->length, argument_step, &search, 0);
	if (search.matched) {
		list->match.matched = true;
		list->match.action = search.rule->action;
		list->match.position = position;
	}
	return 0;
}

/* The first of a path rule's argument rules that matches. */
static inline void arguments_find_match(const struct argument_rules *rules, const struct exec_arguments *arguments,
					const struct scratch *scratch, struct argument_match *match)
{
	struct list_search list = {
		.scratch = scratch,
		.key = {.revision = rules->revision, .rule = rules->rule},
		.length = arguments->length,
		.skipped = rules->skipped,
	};

	bpf_loop(rules->count, list_step, &list, 0);
	*match = list.match;
}

#endif
