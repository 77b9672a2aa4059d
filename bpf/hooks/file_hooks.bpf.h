/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Refuses accesses to files. Hooks:
 *   file_*    opens, and descriptors that a task receives: in open_hooks.bpf.h, where others judge them too
 *   path_*    changes of names, contents and attributes; these hooks know the mount
 *   inode_*   the same where there is no path hook; these hooks know no mount, so they judge files of the container's
 *             root alone
 */
#ifndef STOCKADE_FILE_HOOKS_H
#define STOCKADE_FILE_HOOKS_H

#include "hooks/exec_hooks.bpf.h"
#include "decide/file_decide.bpf.h"
#include "lib/descriptor.bpf.h"

#define FMODE_READ	1
#define O_ACCMODE	3
#define O_TRUNC		01000
#define RENAME_EXCHANGE 2

/* Mode, owner, group and size in struct iattr. A path hook is asked about changes of these as well. */
#define ATTR_BY_PATH 0xf

static inline enum outcome judge_access(const struct file_access *access, const struct stockade_container *container,
					const struct stockade_policy *policy, struct scratch *scratch)
{
	file_locate(scratch, access, container);
	judge_file(scratch, policy, access);
	return report_outcome(STOCKADE_EVENT_FILE, container, scratch, access->path);
}

/* Returns enum outcome. The function is global, so the verifier checks it once for all hooks. */
__noinline int file_judged(const struct file_access *access)
{
	struct stockade_container container = {};
	const struct stockade_policy *policy;
	struct scratch *scratch;
	enum outcome verdict;

	if (!access)
		return OUTCOME_PASS;
	container.cgroup_id = access->cgroup_id;
	container_get(access->cgroup_id, &container);
	/* A container that is gone has no policy any more, and one that was let through had none. */
	if (!container.revision || container.flags & STOCKADE_HAS_NO_FILE_RULES)
		return OUTCOME_PASS;
	/* Of an entry that could not be copied whole, the device of the root may be wrong. */
	if (container.revision != REVISION_OF_NONE && !can_have_path(access, &container))
		return OUTCOME_PASS;
	policy = policy_of(&container);
	if (policy && !(policy->flags & STOCKADE_HAS_FILE))
		return policy_stands(&container) ? OUTCOME_PASS : OUTCOME_POLICY_GONE;
	scratch = policy ? scratch_claim() : NULL;
	if (!scratch) {
		report_unjudged(STOCKADE_EVENT_FILE, &container, STOCKADE_INTERNAL, STOCKADE_REFUSED);
		return OUTCOME_REFUSED;
	}
	verdict = judge_access(access, &container, policy, scratch);
	scratch_release(scratch);
	return verdict;
}

/*
 * Not 0: a task with this mark is refused the access. If the policy goes away time and again, there is no event,
 * because the event would name a rule of another policy.
 */
static inline int file_refused(struct file_access *access, const struct stockade_mark *mark)
{
	int verdict = OUTCOME_NEXT_PATH;

	access->cgroup_id = mark->cgroup_id;
	for (access->path = 0; access->path < STOCKADE_FILE_PATHS_MAX && verdict == OUTCOME_NEXT_PATH; access->path++) {
		verdict = OUTCOME_POLICY_GONE;
		for (int attempt = 0; attempt < JUDGE_ATTEMPTS && verdict == OUTCOME_POLICY_GONE; attempt++)
			verdict = file_judged(access);
	}
	return verdict;
}

static inline int judge_dentry(struct dentry *dentry, struct vfsmount *mount, __u32 what, enum file_reach reach)
{
	struct stockade_mark *mark = mark_of(bpf_get_current_task_btf());
	struct file_access access = {
		.dentry = (__u64)dentry,
		.mount = (__u64)mount,
		.access = what,
		.reach = reach,
	};

	return mark && file_refused(&access, mark) ? -EACCES : 0;
}

static inline int judge_path_write(const struct path *path)
{
	return judge_dentry(path->dentry, path->mnt, STOCKADE_WRITE, REACH_FILE);
}

/*
 * What the file is open for. Mode 3 of open(2) asks for the rights to read and to write. The descriptor can then do
 * neither, but it can control a device.
 */
static inline __u32 access_of_open(const struct file *file)
{
	__u32 mode = file->f_mode, flags = file->f_flags, access = 0;

	if (mode & FMODE_READ || (flags & O_ACCMODE) == O_ACCMODE)
		access |= STOCKADE_READ;
	if (mode & FMODE_WRITE || (flags & O_ACCMODE) == O_ACCMODE || flags & O_TRUNC)
		access |= STOCKADE_WRITE;
	return access;
}

static inline int judge_opened(const struct file *file, const struct stockade_mark *mark)
{
	struct file_access access = {
		.dentry = (__u64)file->f_path.dentry,
		.mount = (__u64)file->f_path.mnt,
		.inode = (__u64)file->f_inode,
		.access = access_of_open(file),
	};

	/* An exec's own open is not a Read. */
	if (!access.access || file->f_flags & FMODE_EXEC_OPEN)
		return 0;
	return file_refused(&access, mark) ? -EACCES : 0;
}

HOOK(path_truncate)
int BPF_PROG(file_truncated, const struct path *path)
{
	return judge_path_write(path);
}

HOOK(path_chmod)
int BPF_PROG(file_chmod, const struct path *path)
{
	return judge_path_write(path);
}

HOOK(path_chown)
int BPF_PROG(file_chown, const struct path *path)
{
	return judge_path_write(path);
}

HOOK(path_mknod)
int BPF_PROG(file_made, const struct path *folder, struct dentry *dentry)
{
	return judge_dentry(dentry, folder->mnt, STOCKADE_WRITE, REACH_FILE);
}

HOOK(path_mkdir)
int BPF_PROG(file_mkdir, const struct path *folder, struct dentry *dentry)
{
	return judge_dentry(dentry, folder->mnt, STOCKADE_WRITE, REACH_FILE);
}

HOOK(path_symlink)
int BPF_PROG(file_symlink, const struct path *folder, struct dentry *dentry)
{
	return judge_dentry(dentry, folder->mnt, STOCKADE_WRITE, REACH_NAMES);
}

HOOK(path_unlink)
int BPF_PROG(file_unlink, const struct path *folder, struct dentry *dentry)
{
	return judge_dentry(dentry, folder->mnt, STOCKADE_WRITE, REACH_FILE);
}

HOOK(path_rmdir)
int BPF_PROG(file_rmdir, const struct path *folder, struct dentry *dentry)
{
	return judge_dentry(dentry, folder->mnt, STOCKADE_WRITE, REACH_NAMES);
}

/* The file gets a second name, for which other rules hold. Both names are on one mount. */
HOOK(path_link)
int BPF_PROG(file_link, struct dentry *old, const struct path *folder, struct dentry *dentry)
{
	int verdict = judge_dentry(old, folder->mnt, STOCKADE_READ | STOCKADE_WRITE, REACH_FILE);

	return verdict ? verdict : judge_dentry(dentry, folder->mnt, STOCKADE_WRITE, REACH_FILE);
}

HOOK(path_rename)
int BPF_PROG(file_rename, const struct path *old_folder, struct dentry *old, const struct path *new_folder,
	     struct dentry *new, unsigned int flags)
{
	bool exchanges = flags & RENAME_EXCHANGE;
	bool moves_tree = is_folder(old) || (exchanges && is_folder(new));
	__u32 both = STOCKADE_READ | STOCKADE_WRITE;
	int verdict = judge_dentry(old, old_folder->mnt, both, moves_tree ? REACH_TREE : REACH_FILE);

	if (verdict)
		return verdict;
	return judge_dentry(new, new_folder->mnt, exchanges ? both : STOCKADE_WRITE,
			    moves_tree ? REACH_TREE : REACH_NAMES);
}

HOOK(inode_setxattr)
int BPF_PROG(file_setxattr, const void *mapping, struct dentry *dentry)
{
	return judge_dentry(dentry, NULL, STOCKADE_WRITE, REACH_FILE);
}

HOOK(inode_removexattr)
int BPF_PROG(file_removexattr, const void *mapping, struct dentry *dentry)
{
	return judge_dentry(dentry, NULL, STOCKADE_WRITE, REACH_FILE);
}

/* Before Linux 6.2 the kernel asks the hooks of other extended attributes about these two. */
HOOK_OPTIONAL(inode_set_acl)
int BPF_PROG(file_set_acl, const void *mapping, struct dentry *dentry)
{
	return judge_dentry(dentry, NULL, STOCKADE_WRITE, REACH_FILE);
}

HOOK_OPTIONAL(inode_remove_acl)
int BPF_PROG(file_remove_acl, const void *mapping, struct dentry *dentry)
{
	return judge_dentry(dentry, NULL, STOCKADE_WRITE, REACH_FILE);
}

/*
 * The hook as Linux 6.9 has it, with one argument more in front. The function that calls the hooks always had that
 * argument.
 */
union security_list_options___mapped {
	int (*inode_setattr)(struct mnt_idmap *, struct dentry *, struct iattr *);
};

static inline bool setattr_has_mapping(void)
{
#ifdef STOCKADE_TIER_FMOD_RET
	return true;
#else
	return bpf_core_type_matches(union security_list_options___mapped);
#endif
}

HOOK(inode_setattr)
int file_setattr(__u64 *context)
{
	__u64 dentry = context[0], attributes = context[1];

	if (setattr_has_mapping()) {
		dentry = attributes;
		attributes = context[2];
	}
	if (BPF_CORE_READ((struct iattr *)attributes, ia_valid) & ATTR_BY_PATH)
		return 0;
	return judge_dentry((struct dentry *)dentry, NULL, STOCKADE_WRITE, REACH_FILE);
}

#endif
