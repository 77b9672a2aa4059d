/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The new image's own arguments, and which argument rule they match. */
#ifndef STOCKADE_ARGUMENTS_H
#define STOCKADE_ARGUMENTS_H

#include <bpf/bpf_core_read.h>
#include "scratch.bpf.h"

struct exec_arguments {
	__u32 length; /* of what was read into scratch->arguments: each argument with its NUL */
	bool over_long; /* there is more */
	bool unreadable;
};

/* Of the current task, whose new memory holds them already and nobody else maps. */
static inline void arguments_read(struct exec_arguments *arguments, struct scratch *scratch, struct task_struct *task)
{
	__u64 start = BPF_CORE_READ(task, mm, arg_start), end = BPF_CORE_READ(task, mm, arg_end);
	__u64 length = end > start ? end - start : 0;

	arguments->over_long = length > STOCKADE_ARGUMENTS_MAX_BYTES;
	if (arguments->over_long)
		length = STOCKADE_ARGUMENTS_MAX_BYTES;
	arguments->unreadable = bpf_probe_read_user(scratch->arguments, length, (const void *)start);
	arguments->length = arguments->unreadable ? 0 : length;
	/* Rules' texts have no NUL, so no match goes beyond this. */
	scratch->arguments[arguments->length & (2 * STOCKADE_ARGUMENTS_MAX_BYTES - 1)] = 0;
}

struct argument_search {
	const struct scratch *scratch;
	const struct stockade_argument *rule;
	__u32 index;   /* of the argument that is looked at */
	bool at_start; /* of that argument */
	bool matched;
};

/* Text in steps of 8 bytes, little-endian; behind its length it is zero. */
static inline bool text_matches(const __u8 *bytes, const struct stockade_argument *rule)
{
	for (__u32 at = 0; at < STOCKADE_ARGUMENT_TEXT_MAX_BYTES; at += 8) {
		__u32 rest = rule->length - at;
		__u64 mask = rest >= 8 ? ~0ull : (1ull << rest * 8) - 1;

		if (at >= rule->length)
			break;
		if ((*(const __u64 *)(bytes + at) ^ *(const __u64 *)(rule->text + at)) & mask)
			return false;
	}
	return true;
}

static inline bool matches_at(const struct argument_search *search, __u32 at)
{
	const struct stockade_argument *rule = search->rule;
	const __u8 *bytes = &search->scratch->arguments[at];

	if (rule->index != STOCKADE_NO_RULE && rule->index != search->index)
		return false;
	if (rule->kind != STOCKADE_CONTAINS && !search->at_start)
		return false;
	if (rule->length && bytes[0] != rule->text[0])
		return false;
	if (!text_matches(bytes, rule))
		return false;
	return rule->kind != STOCKADE_EQUALS || !bytes[rule->length & (STOCKADE_ARGUMENT_TEXT_MAX_BYTES * 2 - 1)];
}

static long argument_step(__u32 step, void *context)
{
	struct argument_search *search = context;
	__u32 at = step & (STOCKADE_ARGUMENTS_MAX_BYTES - 1);

	search->matched = matches_at(search, at);
	search->at_start = !search->scratch->arguments[at];
	if (search->at_start)
		search->index += 1;
	return search->matched;
}

struct list_search {
	const struct scratch *scratch;
	struct stockade_argument_key key;
	__u32 length;
	__u32 match; /* position of the rule that matched first */
	__u8 action; /* of that rule */
	bool matched;
	__u8 strictest; /* action of the path rule and of all its argument rules */
};

static long list_step(__u32 position, void *context)
{
	struct list_search *list = context;
	struct argument_search search = { .scratch = list->scratch, .at_start = true };

	list->key.position = position;
	search.rule = bpf_map_lookup_elem(&arguments, &list->key);
	if (!search.rule)
		return 0;
	if (search.rule->action > list->strictest)
		list->strictest = search.rule->action;
	if (list->matched)
		return 0;
	bpf_loop(list->length, argument_step, &search, 0);
	if (search.matched) {
		list->matched = true;
		list->action = search.rule->action;
		list->match = position;
	}
	return 0;
}

#endif
