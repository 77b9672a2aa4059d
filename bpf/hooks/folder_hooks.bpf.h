/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps the folders of an image where they are. overlayfs does so itself, unless it was mounted with redirect_dir=on:
 * then a folder moves with all its programs, which would have other paths and still count as the image's.
 */
#ifndef STOCKADE_FOLDER_HOOKS_H
#define STOCKADE_FOLDER_HOOKS_H

#include "hooks/file_hooks.bpf.h"

#define EXDEV 18 /* as overlayfs answers without redirect_dir: programs then copy the folder */

/* Whether the policy blocks some program or file by its path, or new files. */
static inline bool blocks_by_path(const struct stockade_policy *policy)
{
	if (policy->flags & STOCKADE_HAS_FILE && policy->file_strictest == STOCKADE_BLOCK)
		return true;
	return policy->flags & STOCKADE_HAS_PROCESS &&
	       (policy->new_executables == STOCKADE_BLOCK ||
		stockade_unknown_path(policy->unknown_path, 0) == STOCKADE_BLOCK);
}

static inline bool is_image_folder(struct dentry *dentry, __u32 root_device)
{
	return is_folder(dentry) && is_on_root(BPF_CORE_READ(dentry, d_sb), root_device) &&
	       is_folder_of_image(BPF_CORE_READ(dentry, d_inode));
}

HOOK(path_rename)
int BPF_PROG(folder_rename, const struct path *old_folder, struct dentry *old, const struct path *new_folder,
	     struct dentry *new, unsigned int flags)
{
	struct stockade_container container = {};
	const struct stockade_policy *policy;
	__u32 root_device;

	if (!bound_container(&container) || !container.revision)
		return 0;
	root_device = container.root_device;
	if (!is_image_folder(old, root_device) && !(flags & RENAME_EXCHANGE && is_image_folder(new, root_device)))
		return 0;
	policy = policy_of(&container);
	/* What is gone, or was half read, blocks. */
	return policy && !blocks_by_path(policy) && policy_stands(&container) ? 0 : -EXDEV;
}

#endif
