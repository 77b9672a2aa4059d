/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which path rules are the most specific ones for an image. One pass over the path, whatever the number of rules. */
#ifndef STOCKADE_RULES_H
#define STOCKADE_RULES_H

#include "lib/image.bpf.h"

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
	__u32 length; /* of the path */
};

static inline const struct stockade_path_rule *path_rule(const struct rule_search *search)
{
	struct stockade_path_key key = {.revision = search->revision, .hash = search->sum >> 7 | search->section};

	return bpf_map_lookup_elem(&path_rules, &key);
}

static inline bool has_directory(const __u64 *directory_lengths, __u32 length)
{
	/* The compiler knows the length and would leave the comparison out. The verifier does not know it. */
	barrier_var(length);
	if (length > STOCKADE_RULE_PATH_MAX_BYTES)
		return false;
	return directory_lengths[length / 64] >> (length % 64) & 1;
}

/* The caller looks rules up from the shortest path to the longest. So a rule that is found later is more specific. */
static inline void verdict_set_more_specific(struct stockade_verdict *found, const struct stockade_verdict *later)
{
	if (later->present)
		*found = *later;
}

#define STEP_BYTES 8

struct byte_search {
	struct rule_search *search;
	__u32 index; /* of the first byte of the step */
};

/*
 * Adds one byte of the path to the hash. After a slash it looks for a rule about the directory that ends there. A rule
 * about a longer directory is found later, and takes the place of this one.
 */
static long byte_step(__u32 offset, void *context)
{
	const struct byte_search *bytes = context;
	struct rule_search *search = bytes->search;
	struct rules_found *found = &search->scratch->found;
	__u32 index = bytes->index + offset;
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
		verdict_set_more_specific(&found->path[access], is_last ? &rule->direct[access] : &rule->deep[access]);
		verdict_set_more_specific(&found->tree[access], &rule->deep[access]);
	}
	return 0;
}

/* Whether rules are about directories whose paths are longer than `length` by 1 to 8 bytes. */
static inline bool has_directories_behind(const __u64 *directory_lengths, __u32 length)
{
	__u32 first = length / 64 & (STOCKADE_RULE_PATH_MAX_BYTES / 64 - 1), second = (length + 8) / 64;

	barrier_var(second);
	if (second > STOCKADE_RULE_PATH_MAX_BYTES / 64)
		return true;
	return directory_lengths[first] >> (length % 64) & 0xfe || directory_lengths[second] >> ((length + 8) % 64) & 1;
}

/* Adds eight bytes of the path to the hash. Most steps end at no directory that has a rule. */
static long rule_step(__u32 step, void *context)
{
	struct rule_search *search = context;
	__u32 index = step * STEP_BYTES & (STOCKADE_RULE_PATH_MAX_BYTES - STEP_BYTES);
	__u32 at = (search->scratch->image.start + index) & (STOCKADE_PATH_MAX_BYTES - 1);
	struct byte_search bytes = {.search = search, .index = index};
	const __u64 *key = &search->keys->key[index];
	__u32 left = search->length - index;
	__u64 word, sum = 0;

	if (has_directories_behind(search->directory_lengths, index)) {
		bpf_loop(left < STEP_BYTES ? left : STEP_BYTES, byte_step, &bytes, 0);
		return 0;
	}
	/* The bytes behind the path are of no path, and may be anything. */
	word = *(const __u64 *)&search->scratch->path[at];
	if (left < STEP_BYTES)
		word &= (1ull << left * 8) - 1;
	for (__u32 byte = 0; byte < STEP_BYTES; byte++)
		sum += key[byte] * (word >> byte * 8 & 0xff);
	search->sum += sum;
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
		verdict_set_more_specific(&found->path[access], &rule->direct[access]);
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
		verdict_set_more_specific(&search->scratch->found.tree[access], &rule->deep[access]);
}

/* Finds the rules for the path that was walked. -1: the keys of the hash cannot be read. */
static inline int rules_search(struct scratch *scratch, const struct stockade_policy *policy, enum rules_query query)
{
	bool of_process = query == RULES_OF_PROCESS;
	__u32 zero = 0, length = STOCKADE_PATH_MAX_BYTES - scratch->image.start;
	__u32 hashed = length <= STOCKADE_RULE_PATH_MAX_BYTES ? length : STOCKADE_RULE_PATH_MAX_BYTES;
	struct rule_search search = {
		.scratch = scratch,
		.keys = bpf_map_lookup_elem(&path_hash_keys, &zero),
		.directory_lengths = of_process ? policy->directory_lengths : policy->file_directory_lengths,
		.revision = policy->revision,
		.length = hashed,
		.section = of_process ? 0 : (__u64)STOCKADE_SECTION_FILE << STOCKADE_PATH_SECTION_SHIFT,
	};

	if (!search.keys)
		return -1;
	bpf_loop((hashed + STEP_BYTES - 1) / STEP_BYTES, rule_step, &search, 0);
	if (length > STOCKADE_RULE_PATH_MAX_BYTES)
		return 0;
	search_whole(&search);
	if (query == RULES_OF_FILE_TREE)
		search_tree(&search, length);
	return 0;
}

#endif
