/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a policy says of an access to a file. Tier-independent, as exec_decide.bpf.h is for execs.
 * Sources/Policy/Decision/FileDecision.swift is the same in Swift; a test compares the two.
 */
#ifndef STOCKADE_FILE_DECIDE_H
#define STOCKADE_FILE_DECIDE_H

#include "decide/exec_decide.bpf.h"

/* What an access to a path is an access to. */
enum file_reach {
	REACH_FILE,  /* the file alone */
	REACH_NAMES, /* also what rules name below it: another file takes the place of the folder that they mean */
	REACH_TREE,  /* also everything below it: a folder moves with all that it holds */
};

/* An access. Kernel pointers are numbers, as global functions want them. */
struct file_access {
	__u64 dentry;
	__u64 mount;	 /* 0: not known; then only files of the container's root are judged */
	__u64 inode;	 /* that was opened; 0: the dentry's */
	__u64 cgroup_id; /* of the container whose task it is */
	__u32 access;	 /* enum stockade_access, several */
	__u32 reach;	 /* enum file_reach */
	__u32 path;	 /* which of the file's paths */
	__u32 pad;
};

#define S_IFCHR	    0020000
#define S_IFREG	    0100000
#define NULL_DEVICE (1u << 20 | 3) /* /dev/null, as the kernel encodes it */

/* The device holds nothing. A container gets the node's as a standard stream, and the node's is on none of its mounts.
 */
static inline bool is_null_device(struct inode *inode)
{
	return (KERNEL_READ(inode, i_mode) & S_IFMT) == S_IFCHR && KERNEL_READ(inode, i_rdev) == NULL_DEVICE;
}

/* The super block of the file that was opened, which may be another one than its name's. */
static inline struct super_block *opened_super_block(const struct file_access *access)
{
	if (access->inode)
		return KERNEL_READ((struct inode *)access->inode, i_sb);
	return KERNEL_READ((struct dentry *)access->dentry, d_sb);
}

/*
 * Whether it is a file that can have a path: false for what only the kernel can name. This asks no policy and claims
 * nothing, since an open of a file of the image comes here twice: for the overlay's file, and for the layer's.
 *
 * A file system that is stacked upon another opens the file below with the opener's credentials: on a mount of its own,
 * or (before Linux 6.5) under the name of its own file. That is no access of its own, but where the file below is of
 * the container's root: then the container has stacked something upon it.
 */
static inline bool can_have_path(const struct file_access *access, const struct stockade_container *container)
{
	struct vfsmount *mount = (struct vfsmount *)access->mount;
	struct super_block *opened = opened_super_block(access);

	if (access->inode && is_null_device((struct inode *)access->inode))
		return false;
	if (is_on_root(opened, container->root_device))
		return true;
	return opened == KERNEL_READ((struct dentry *)access->dentry, d_sb) && mount && !is_kernel_mount(mount);
}

/* Finds the path of a file that can have one. A path that cannot be had leaves the walk unfinished. */
static inline void file_locate(struct scratch *scratch, const struct file_access *access,
			       const struct stockade_container *container)
{
	struct place place = {(struct dentry *)access->dentry, (struct vfsmount *)access->mount};
	struct super_block *super_block = KERNEL_READ(place.dentry, d_sb);
	bool on_root = is_on_root(super_block, container->root_device);

	if (opened_super_block(access) != super_block)
		return;
	if (on_root || container->flags & STOCKADE_HAS_VOLUMES || !is_detached(place.mount))
		image_walk(scratch, &place, on_root, container, access->path);
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
