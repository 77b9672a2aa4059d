/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Refuses whatever marked tasks do that would harm the daemon, its files and its BPF objects. Hooks:
 *   bpf_map, bpf_prog, bpf                                                   our objects
 *   file_open (open_hooks.bpf.h), inode_{create,link,unlink,symlink,mkdir,rmdir,mknod,rename},
 *   path_{truncate,chmod,chown}                                              our files
 *   sb_mount, move_mount, sb_umount, sb_pivotroot                            where our files are found
 *   task_kill, unix_stream_connect                                           the daemon; trace_hooks.bpf.h has ptrace
 *
 * Inode hooks and not path hooks: an overlay that has one of our folders as a layer calls no path hook.
 */
#ifndef STOCKADE_PROTECT_HOOKS_H
#define STOCKADE_PROTECT_HOOKS_H

#include "hooks/protect.bpf.h"
#include "lib/descriptor.bpf.h"

#define BPF_LINK_UPDATE 29
#define BPF_LINK_DETACH 34
#define MS_REMOUNT	32ul
#define MS_MOVE		8192ul
#define MS_BIND		4096ul
#define MS_CHANGES_TYPE (1ul << 17 | 1ul << 18 | 1ul << 19 | 1ul << 20) /* unbindable, private, slave, shared */

/* ---- BPF objects ---- */

/* The kernel asks whenever it gives out a descriptor: for a new map, for a pin, for an id. */
HOOK(bpf_map)
int BPF_PROG(protect_map, struct bpf_map *map)
{
	LEAVE_UNMARKED();
	return is_own_object(STOCKADE_OBJECT_MAP, map->id) ? refuse_if_marked(STOCKADE_PROTECTED_BPF, 0, false) : 0;
}

HOOK(bpf_prog)
int BPF_PROG(protect_program, struct bpf_prog *program)
{
	LEAVE_UNMARKED();
	return is_own_object(STOCKADE_OBJECT_PROGRAM, KERNEL_READ(program, aux, id))
		       ? refuse_if_marked(STOCKADE_PROTECTED_BPF, 0, false)
		       : 0;
}

/*
 * Whether a descriptor of the current task may be one of our links. The kernel has no hook for the opening of a link.
 * If tasks share the descriptor table, another one can exchange the descriptor after this look, so the answer is yes.
 */
static inline bool may_be_own_link(__u32 number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct files_struct *files = KERNEL_READ(task, files);
	struct bpf_link *link = NULL;

	if (KERNEL_READ(files, count.counter) != 1)
		return true;
	if (number >= KERNEL_READ(files, fdt, max_fds))
		return false;
	link = KERNEL_READ(opened_file(task, number), private_data);
	return is_own_object(STOCKADE_OBJECT_PROGRAM, KERNEL_READ(link, prog, aux, id));
}

/* Both commands have the link's descriptor as their first field. */
HOOK(bpf)
int BPF_PROG(protect_link, int command, const __u32 *attributes)
{
	__u32 number = 0;

	if (command != BPF_LINK_UPDATE && command != BPF_LINK_DETACH)
		return 0;
	LEAVE_UNMARKED();
	bpf_probe_read_kernel(&number, sizeof(number), attributes);
	return may_be_own_link(number) ? refuse_if_marked(STOCKADE_PROTECTED_BPF, 0, false) : 0;
}

/* ---- files ---- */

static inline int judge_change(struct dentry *dentry, struct super_block *super_block)
{
	return protection_below(dentry, super_block) ? refuse_if_marked(STOCKADE_PROTECTED_FILE, 0, false) : 0;
}

/* The current task is marked. */
static inline int protect_opened(struct file *file)
{
	struct super_block *super_block = KERNEL_READ(file, f_inode, i_sb);
	__u32 protection;

	protection = protection_below(KERNEL_READ(file, f_path.dentry), super_block);
	if (protection == STOCKADE_HIDE || (protection == STOCKADE_KEEP && file->f_mode & FMODE_WRITE))
		return refuse_if_marked(STOCKADE_PROTECTED_FILE, 0, false);
	return 0;
}

HOOK(inode_create)
int BPF_PROG(protect_create, struct inode *folder, struct dentry *dentry)
{
	LEAVE_UNMARKED();
	return judge_change(dentry, KERNEL_READ(folder, i_sb));
}

HOOK(inode_link)
int BPF_PROG(protect_hard_link, struct dentry *old, struct inode *folder, struct dentry *dentry)
{
	int refused;

	LEAVE_UNMARKED();
	/* By a second name outside the folder the file could be written. */
	refused = judge_change(old, KERNEL_READ(folder, i_sb));
	return refused ? -EPERM : judge_change(dentry, KERNEL_READ(folder, i_sb));
}

HOOK(inode_unlink)
int BPF_PROG(protect_unlink, struct inode *folder, struct dentry *dentry)
{
	LEAVE_UNMARKED();
	return judge_change(dentry, KERNEL_READ(folder, i_sb));
}

HOOK(inode_symlink)
int BPF_PROG(protect_symlink, struct inode *folder, struct dentry *dentry)
{
	LEAVE_UNMARKED();
	return judge_change(dentry, KERNEL_READ(folder, i_sb));
}

HOOK(inode_mkdir)
int BPF_PROG(protect_make_folder, struct inode *folder, struct dentry *dentry)
{
	LEAVE_UNMARKED();
	return judge_change(dentry, KERNEL_READ(folder, i_sb));
}

HOOK(inode_rmdir)
int BPF_PROG(protect_remove_folder, struct inode *folder, struct dentry *dentry)
{
	LEAVE_UNMARKED();
	return judge_change(dentry, KERNEL_READ(folder, i_sb));
}

HOOK(inode_mknod)
int BPF_PROG(protect_node, struct inode *folder, struct dentry *dentry)
{
	LEAVE_UNMARKED();
	return judge_change(dentry, KERNEL_READ(folder, i_sb));
}

HOOK(inode_rename)
int BPF_PROG(protect_rename, struct inode *from_folder, struct dentry *from, struct inode *to_folder, struct dentry *to)
{
	int refused;

	LEAVE_UNMARKED();
	refused = judge_change(from, KERNEL_READ(from_folder, i_sb));
	return refused ? -EPERM : judge_change(to, KERNEL_READ(to_folder, i_sb));
}

static inline int judge_path_change(struct path *path)
{
	LEAVE_UNMARKED();
	return judge_change(KERNEL_READ(path, dentry), KERNEL_READ(path, mnt, mnt_sb));
}

HOOK(path_truncate)
int BPF_PROG(protect_truncate, struct path *path)
{
	return judge_path_change(path);
}

HOOK(path_chmod)
int BPF_PROG(protect_chmod, struct path *path)
{
	return judge_path_change(path);
}

HOOK(path_chown)
int BPF_PROG(protect_chown, struct path *path)
{
	return judge_path_change(path);
}

/* ---- mounts ---- */

static inline bool is_of_host(struct vfsmount *mount)
{
	return KERNEL_READ(mount_of(mount), mnt_ns, ns.inum) == runtime_mount_namespace;
}

/*
 * Whether the daemon would see what is mounted or unmounted there: the mount is in the daemon's mount namespace, or is
 * shared with others. Elsewhere a container may mount over its own view of the node's folders.
 */
static inline bool reaches_host(struct vfsmount *mount)
{
	return is_of_host(mount) || KERNEL_READ(mount_of(mount), mnt_group_id);
}

/* Refuses to mount over a folder of ours, or over a folder on the way to one. */
static inline int judge_cover(struct path *path)
{
	struct vfsmount *mount = KERNEL_READ(path, mnt);

	LEAVE_UNMARKED();
	if (!reaches_host(mount) || !protection_below(KERNEL_READ(path, dentry), KERNEL_READ(mount, mnt_sb)))
		return 0;
	return refuse_if_marked(STOCKADE_PROTECTED_MOUNT, 0, false);
}

/* Refuses to take away the mount that our pins are on, or a mount that it hangs in. */
static inline int judge_removal(struct vfsmount *mount)
{
	LEAVE_UNMARKED();
	if (!reaches_host(mount) || !protection_below(KERNEL_READ(mount, mnt_root), KERNEL_READ(mount, mnt_sb)))
		return 0;
	return refuse_if_marked(STOCKADE_PROTECTED_MOUNT, 0, false);
}

HOOK(sb_mount)
int BPF_PROG(protect_mount, const char *device, struct path *path, const char *type, unsigned long flags)
{
	/* A remount and a change of propagation cover nothing. The kernel tells them apart in this way. */
	if (flags & MS_REMOUNT || (!(flags & MS_BIND) && flags & MS_CHANGES_TYPE))
		return 0;
	/* The hook gets what is moved only as a text of the caller's. So nothing is moved in the node's namespace. */
	if (flags & MS_MOVE && is_of_host(KERNEL_READ(path, mnt)))
		return refuse_if_marked(STOCKADE_PROTECTED_MOUNT, 0, false);
	return judge_cover(path);
}

HOOK(move_mount)
int BPF_PROG(protect_move_mount, struct path *from, struct path *to)
{
	int refused = judge_removal(KERNEL_READ(from, mnt));

	return refused ? -EPERM : judge_cover(to);
}

HOOK(sb_umount)
int BPF_PROG(protect_umount, struct vfsmount *mount)
{
	return judge_removal(mount);
}

HOOK(sb_pivotroot)
int BPF_PROG(protect_pivot_root, struct path *old_path, struct path *new_path)
{
	LEAVE_UNMARKED();
	return is_of_host(KERNEL_READ(old_path, mnt)) ? refuse_if_marked(STOCKADE_PROTECTED_MOUNT, 0, false) : 0;
}

/* ---- the daemon ---- */

HOOK(task_kill)
int BPF_PROG(protect_signal, struct task_struct *task)
{
	LEAVE_UNMARKED();
	return daemon_is_refused(task->tgid, KERNEL_READ(task, group_leader, start_boottime), false) ? -EPERM : 0;
}

/* A socket in one of our folders; `other` is the one that listens. It is opened by no hook of files. */
HOOK(unix_stream_connect)
int BPF_PROG(protect_connect, struct sock *sock, struct sock *other)
{
	struct unix_sock *listener = (struct unix_sock *)other;
	struct dentry *dentry;

	LEAVE_UNMARKED();
	dentry = KERNEL_READ(listener, path.dentry);
	if (!dentry || !protection_below(dentry, KERNEL_READ(dentry, d_sb)))
		return 0;
	return refuse_if_marked(STOCKADE_PROTECTED_FILE, 0, false);
}

#endif
