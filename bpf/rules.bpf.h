/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which path rule is the most specific one for an image. One pass over the path, whatever the number of rules. */
#ifndef STOCKADE_RULES_H
#define STOCKADE_RULES_H

#include "image.bpf.h"

struct rule_search {
	const struct scratch *scratch;
	const struct stockade_hash_keys *keys;
	const struct stockade_policy *policy;
	__u64 revision;
	__u64 sum;
	__u32 start;
	__u32 last_slash;
	struct stockade_verdict verdict; /* the best so far; `present` says whether there is one */
};

static inline const struct stockade_path_rule *path_rule(const struct rule_search *search)
{
	struct stockade_path_key key = {.revision = search->revision, .hash = search->sum >> 7};

	return bpf_map_lookup_elem(&path_rules, &key);
}

static inline bool has_directory(const struct stockade_policy *policy, __u32 length)
{
	__u32 word = length / 64;

	if (word >= sizeof(policy->directory_lengths) / sizeof(policy->directory_lengths[0]))
		return false;
	return policy->directory_lengths[word] >> (length % 64) & 1;
}

/* Takes in one byte, and after a slash asks for a rule about the directory that ends there. Longer ones come later. */
static long rule_step(__u32 index, void *context)
{
	struct rule_search *search = context;
	__u32 at = (search->start + index) & (STOCKADE_PATH_MAX_BYTES - 1);
	__u8 byte = search->scratch->path[at];
	const struct stockade_path_rule *rule;

	search->sum += search->keys->key[index & (STOCKADE_RULE_PATH_MAX_BYTES - 1)] * byte;
	if (byte != '/' || !has_directory(search->policy, index + 1))
		return 0;
	rule = path_rule(search);
	if (!rule)
		return 0;
	if (at == search->last_slash && rule->direct.present)
		search->verdict = rule->direct;
	if (at != search->last_slash && rule->deep.present)
		search->verdict = rule->deep;
	return 0;
}

/*
 * `verdict->present` is 0 where no rule speaks of the image. -1: the keys or the policy cannot be had. A function of
 * its own for the verifier.
 */
__noinline int rules_search(const struct image *image, __u64 revision, struct stockade_verdict *verdict)
{
	__u32 zero = 0, length;
	struct rule_search search = {
		.keys = bpf_map_lookup_elem(&path_hash_keys, &zero),
		.policy = bpf_map_lookup_elem(&policies, &revision),
		.revision = revision,
	};
	const struct stockade_path_rule *exact;

	if (!image || !verdict || !search.keys || !search.policy)
		return -1;
	search.scratch = scratch_at(image->slot);
	if (!search.scratch)
		return -1;
	search.start = image->start;
	search.last_slash = image->last_slash;
	length = STOCKADE_PATH_MAX_BYTES - image->start;
	bpf_loop(length <= STOCKADE_RULE_PATH_MAX_BYTES ? length : STOCKADE_RULE_PATH_MAX_BYTES, rule_step, &search, 0);
	*verdict = search.verdict;
	exact = length <= STOCKADE_RULE_PATH_MAX_BYTES ? path_rule(&search) : NULL;
	if (exact && exact->direct.present)
		*verdict = exact->direct;
	return 0;
}

#endif
