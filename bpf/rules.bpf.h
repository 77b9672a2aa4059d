/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which path rules are the most specific ones for an image. One pass over the path, whatever the number of rules. */
#ifndef STOCKADE_RULES_H
#define STOCKADE_RULES_H

#include "image.bpf.h"

/* Whose rules are asked for, and about what. */
enum rules_query {
	RULES_OF_PROCESS,
	RULES_OF_FILE,
	RULES_OF_FILE_TREE, /* also about what lies below the path */
};

struct rule_search {
	struct scratch *scratch;
	const struct stockade_hash_keys *keys;
	const __u64 *directory_lengths;
	__u64 revision;
	__u64 section; /* where it stands in the hash */
	__u64 sum;
};

static inline const struct stockade_path_rule *path_rule(const struct rule_search *search)
{
	struct stockade_path_key key = {.revision = search->revision, .hash = search->sum >> 7 | search->section};

	return bpf_map_lookup_elem(&path_rules, &key);
}

static inline bool has_directory(const __u64 *directory_lengths, __u32 length)
{
	__u32 word = length / 64;

	/* The compiler knows the length and would leave the comparison out. The verifier does not know it. */
	barrier_var(word);
	if (word > STOCKADE_RULE_PATH_MAX_BYTES / 64)
		return false;
	return directory_lengths[word] >> (length % 64) & 1;
}

static inline void verdict_keep_strictest(struct stockade_verdict *best, const struct stockade_verdict *verdict)
{
	if (verdict->present)
		*best = *verdict;
}

/*
 * Adds one byte of the path to the hash. After a slash it looks for a rule about the directory that ends there. A rule
 * about a longer directory is found later, and takes the place of this one.
 */
static long rule_step(__u32 index, void *context)
{
	struct rule_search *search = context;
	struct rules_found *found = &search->scratch->found;
	__u32 at = (search->scratch->image.start + index) & (STOCKADE_PATH_MAX_BYTES - 1);
	bool is_last = at == search->scratch->image.last_slash;
	__u8 byte = search->scratch->path[at];
	const struct stockade_path_rule *rule;

	search->sum += search->keys->key[index & (STOCKADE_RULE_PATH_MAX_BYTES - 1)] * byte;
	if (byte != '/' || !has_directory(search->directory_lengths, index + 1))
		return 0;
	rule = path_rule(search);
	if (!rule)
		return 0;
	for (__u32 access = 0; access < STOCKADE_ACCESSES; access++) {
		verdict_keep_strictest(&found->path[access], is_last ? &rule->direct[access] : &rule->deep[access]);
		verdict_keep_strictest(&found->tree[access], &rule->deep[access]);
	}
	return 0;
}

/* Looks up the whole path: a rule about the path, and the strictest of the rules about what is below it. */
static inline void search_whole(const struct rule_search *search)
{
	const struct stockade_path_rule *rule = path_rule(search);
	struct rules_found *found = &search->scratch->found;

	if (!rule)
		return;
	for (__u32 access = 0; access < STOCKADE_ACCESSES; access++) {
		verdict_keep_strictest(&found->path[access], &rule->direct[access]);
		found->below[access] = rule->deep[access];
	}
}

/* Looks up the path as a directory. */
static inline void search_tree(struct rule_search *search, __u32 length)
{
	const struct stockade_path_rule *rule;

	if (!has_directory(search->directory_lengths, length + 1))
		return;
	search->sum += search->keys->key[length & (STOCKADE_RULE_PATH_MAX_BYTES - 1)] * '/';
	rule = path_rule(search);
	if (!rule)
		return;
	for (__u32 access = 0; access < STOCKADE_ACCESSES; access++)
		verdict_keep_strictest(&search->scratch->found.tree[access], &rule->deep[access]);
}

/* Finds the rules for the path that was walked. -1: the keys of the hash cannot be read. */
static inline int rules_search(struct scratch *scratch, const struct stockade_policy *policy, enum rules_query query)
{
	bool of_process = query == RULES_OF_PROCESS;
	__u32 zero = 0, length = STOCKADE_PATH_MAX_BYTES - scratch->image.start;
	struct rule_search search = {
		.scratch = scratch,
		.keys = bpf_map_lookup_elem(&path_hash_keys, &zero),
		.directory_lengths = of_process ? policy->directory_lengths : policy->file_directory_lengths,
		.revision = policy->revision,
		.section = of_process ? 0 : (__u64)STOCKADE_SECTION_FILE << STOCKADE_PATH_SECTION_SHIFT,
	};

	if (!search.keys)
		return -1;
	bpf_loop(length <= STOCKADE_RULE_PATH_MAX_BYTES ? length : STOCKADE_RULE_PATH_MAX_BYTES, rule_step, &search, 0);
	if (length > STOCKADE_RULE_PATH_MAX_BYTES)
		return 0;
	search_whole(&search);
	if (query == RULES_OF_FILE_TREE)
		search_tree(&search, length);
	return 0;
}

#endif
