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

/* By access; `present` says whether there is one. */
struct rules_found {
	struct stockade_verdict path[STOCKADE_ACCESSES]; /* decides about the path itself */
	/* Of RULES_OF_FILE_TREE: decides about what lies two levels below and is named by no rule. */
	struct stockade_verdict tree[STOCKADE_ACCESSES];
	struct stockade_verdict below[STOCKADE_ACCESSES]; /* strictest of the rules about something below */
};

struct rule_search {
	const struct scratch *scratch;
	const struct stockade_hash_keys *keys;
	const __u64 *directory_lengths;
	__u64 revision;
	__u64 section; /* where it stands in the hash */
	__u64 sum;
	__u32 start;
	__u32 last_slash;
	struct stockade_verdict path[STOCKADE_ACCESSES]; /* the best so far */
	struct stockade_verdict tree[STOCKADE_ACCESSES];
};

static inline const struct stockade_path_rule *path_rule(const struct rule_search *search)
{
	struct stockade_path_key key = {.revision = search->revision, .hash = search->sum >> 7 | search->section};

	return bpf_map_lookup_elem(&path_rules, &key);
}

static inline bool has_directory(const __u64 *directory_lengths, __u32 length)
{
	__u32 word = length / 64;

	/* What the compiler knows of the length the verifier does not: so it has to compare. */
	barrier_var(word);
	if (word > STOCKADE_RULE_PATH_MAX_BYTES / 64)
		return false;
	return directory_lengths[word] >> (length % 64) & 1;
}

static inline void take(struct stockade_verdict *best, const struct stockade_verdict *verdict)
{
	if (verdict->present)
		*best = *verdict;
}

/* Takes in one byte, and after a slash asks for a rule about the directory that ends there. Longer ones come later. */
static long rule_step(__u32 index, void *context)
{
	struct rule_search *search = context;
	__u32 at = (search->start + index) & (STOCKADE_PATH_MAX_BYTES - 1);
	__u8 byte = search->scratch->path[at];
	const struct stockade_path_rule *rule;

	search->sum += search->keys->key[index & (STOCKADE_RULE_PATH_MAX_BYTES - 1)] * byte;
	if (byte != '/' || !has_directory(search->directory_lengths, index + 1))
		return 0;
	rule = path_rule(search);
	if (!rule)
		return 0;
	for (__u32 access = 0; access < STOCKADE_ACCESSES; access++) {
		take(&search->path[access], at == search->last_slash ? &rule->direct[access] : &rule->deep[access]);
		take(&search->tree[access], &rule->deep[access]);
	}
	return 0;
}

/* The path whole: a rule about it, and the rules about what is below. */
static inline void search_whole(const struct rule_search *search, struct rules_found *found)
{
	const struct stockade_path_rule *rule = path_rule(search);

	if (!rule)
		return;
	for (__u32 access = 0; access < STOCKADE_ACCESSES; access++) {
		take(&found->path[access], &rule->direct[access]);
		found->below[access] = rule->deep[access];
	}
}

/* The path as a directory. */
static inline void search_tree(struct rule_search *search, __u32 length, struct rules_found *found)
{
	const struct stockade_path_rule *rule;

	if (!has_directory(search->directory_lengths, length + 1))
		return;
	search->sum += search->keys->key[length & (STOCKADE_RULE_PATH_MAX_BYTES - 1)] * '/';
	rule = path_rule(search);
	if (!rule)
		return;
	for (__u32 access = 0; access < STOCKADE_ACCESSES; access++)
		take(&found->tree[access], &rule->deep[access]);
}

/* -1: the keys or the policy cannot be had. A function of its own for the verifier. */
__noinline int rules_search(const struct image *image, __u64 revision, __u32 query, struct rules_found *found)
{
	const struct stockade_policy *policy = bpf_map_lookup_elem(&policies, &revision);
	__u32 zero = 0, length;
	struct rule_search search = {
		.keys = bpf_map_lookup_elem(&path_hash_keys, &zero),
		.revision = revision,
	};

	if (!image || !found || !search.keys || !policy)
		return -1;
	search.scratch = scratch_at(image->slot);
	if (!search.scratch)
		return -1;
	search.directory_lengths = policy->directory_lengths;
	if (query != RULES_OF_PROCESS) {
		search.directory_lengths = policy->file_directory_lengths;
		search.section = (__u64)STOCKADE_SECTION_FILE << STOCKADE_PATH_SECTION_SHIFT;
	}
	search.start = image->start;
	search.last_slash = image->last_slash;
	length = STOCKADE_PATH_MAX_BYTES - image->start;
	bpf_loop(length <= STOCKADE_RULE_PATH_MAX_BYTES ? length : STOCKADE_RULE_PATH_MAX_BYTES, rule_step, &search, 0);
	__builtin_memcpy(found->path, search.path, sizeof(search.path));
	__builtin_memcpy(found->tree, search.tree, sizeof(search.tree));
	__builtin_memset(found->below, 0, sizeof(found->below));
	if (length > STOCKADE_RULE_PATH_MAX_BYTES)
		return 0;
	search_whole(&search, found);
	if (query == RULES_OF_FILE_TREE)
		search_tree(&search, length, found);
	return 0;
}

#endif
