/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a policy says of an access to a file. Tier-independent, as decide.bpf.h is for execs.
 * Sources/Policy/FileDecision.swift is the same in Swift; a test compares the two.
 */
#ifndef STOCKADE_FILE_DECIDE_H
#define STOCKADE_FILE_DECIDE_H

#include "decide.bpf.h"

/* What an access to a path is an access to. */
enum file_reach {
	REACH_FILE,  /* the file alone */
	REACH_NAMES, /* also what rules name below it: another file takes the place of the folder that they mean */
	REACH_TREE,  /* also everything below it: a folder moves with all that it holds */
};

/* An access. Kernel pointers are numbers, as global functions want them. */
struct file_access {
	__u64 dentry;
	__u64 mount;  /* 0: not known; then only files of the container's root are judged */
	__u64 inode;  /* that was opened; 0: the dentry's */
	__u32 access; /* enum stockade_access, several */
	__u32 reach;  /* enum file_reach */
};

/*
 * Finds the path, if it is a file that can have one: false for what only the kernel can name. A path that cannot be had
 * leaves the walk unfinished.
 *
 * A file system that is stacked upon another opens the file below with the opener's credentials: on a mount of its own,
 * or (before Linux 6.5) under the name of its own file. That is no access of its own, but where the file below is of
 * the container's root: then the container has stacked something upon it.
 */
static inline bool file_locate(struct scratch *scratch, const struct file_access *access, __u32 root_device)
{
	struct dentry *dentry = (struct dentry *)access->dentry;
	struct vfsmount *mount = (struct vfsmount *)access->mount;
	struct inode *inode = (struct inode *)access->inode;
	struct super_block *super_block = BPF_CORE_READ(dentry, d_sb);
	struct super_block *opened = inode ? BPF_CORE_READ(inode, i_sb) : super_block;
	bool on_root;

	if (opened != super_block)
		return is_on_root(opened, root_device);
	on_root = is_on_root(super_block, root_device);
	if (!on_root && (!mount || is_kernels(mount)))
		return false;
	if (on_root || !is_detached(mount))
		image_walk(scratch, dentry, mount, on_root);
	return true;
}

static inline void judge_by_strictest(struct judgement *judgement, const struct stockade_verdict *verdict,
				      __u32 otherwise)
{
	__u32 action = verdict->present ? verdict->action : otherwise;

	if (action <= judgement->action)
		return;
	judgement_set(judgement, action, verdict->present ? STOCKADE_BY_RULE : STOCKADE_BY_DEFAULT);
	judgement->rule = verdict->present ? verdict->rule : STOCKADE_NO_RULE;
}

/* The strictest of all that is accessed. */
static inline void judge_file(struct scratch *scratch, const struct stockade_policy *policy,
			      const struct file_access *access)
{
	__u32 query = access->reach == REACH_TREE ? RULES_OF_FILE_TREE : RULES_OF_FILE;
	struct judgement *judgement = &scratch->judgement;
	const struct rules_found *found = &scratch->found;

	judgement->access = access->access;
	if (scratch->image.end != WALK_WHOLE) {
		judgement_set(judgement, policy->file_strictest,
			      scratch->image.end == WALK_OVER_LONG ? STOCKADE_OVER_LONG_PATH : STOCKADE_UNKNOWN_PATH);
		return;
	}
	if (rules_search(scratch, policy, query)) {
		judgement_set(judgement, STOCKADE_BLOCK, STOCKADE_INTERNAL);
		count(STOCKADE_READ_FAILED);
		return;
	}
	for (__u32 index = 0; index < STOCKADE_ACCESSES; index++) {
		if (!(access->access & 1u << index))
			continue;
		judge_by_strictest(judgement, &found->path[index], policy->file_default);
		if (access->reach == REACH_TREE)
			judge_by_strictest(judgement, &found->tree[index], policy->file_default);
		if (access->reach != REACH_FILE)
			judge_by_strictest(judgement, &found->below[index], STOCKADE_ALLOW);
	}
}

#endif
