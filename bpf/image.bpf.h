/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a file is, whatever it is called by: its path in the mount namespace, and whether it is the image's. */
#ifndef STOCKADE_IMAGE_H
#define STOCKADE_IMAGE_H

#include <bpf/bpf_core_read.h>
#include "scratch.bpf.h"

#define OVERLAY_MAGIC	    0x794c7630
#define ANONYMOUS_NAMESPACE 0xeffffff7u /* since 6.18; before, such a mount namespace has no number */
#define ERROR_POINTERS	    (~0ull - 4095)
#define MNT_INTERNAL	    0x4000 /* a mount that the kernel made for itself; a clone of it is none */
#define WALK_STEPS_MAX	    4096   /* twice the components of the longest path, for mounts and repetitions */

static inline struct mount *mount_of(struct vfsmount *mount)
{
	return (struct mount *)((char *)mount - bpf_core_field_offset(struct mount, mnt));
}

/* A mount that hangs in no mount namespace: a memfd's, one unmounted lazily, one that open_tree(2) cloned. */
static inline bool is_detached(struct vfsmount *mount)
{
	struct mnt_namespace *namespace = BPF_CORE_READ(mount_of(mount), mnt_ns);
	__u32 number;

	if (!namespace || (__u64) namespace >= ERROR_POINTERS)
		return true;
	number = BPF_CORE_READ(namespace, ns.inum);
	return !number || number == ANONYMOUS_NAMESPACE;
}

/* A mount that no task can reach: one for what has no path (pipe, memfd, namespace), or below a stacked file system. */
static inline bool is_kernels(struct vfsmount *mount)
{
	return (__u64)BPF_CORE_READ(mount_of(mount), mnt_ns) >= ERROR_POINTERS ||
	       BPF_CORE_READ(mount, mnt_flags) & MNT_INTERNAL;
}

/* Whether the file lies on the overlay that is the container's root. A root that is no overlay has no device. */
static inline bool is_on_root(struct super_block *super_block, __u32 root_device)
{
	return BPF_CORE_READ(super_block, s_dev) == root_device && BPF_CORE_READ(super_block, s_magic) == OVERLAY_MAGIC;
}

/*
 * Whether a file of the root overlay was written, copied up or linked since. overlayfs keeps the dentry of the upper
 * layer right behind its inode (Linux 6.1 to 7.3).
 */
static inline bool is_changed(struct inode *inode)
{
	struct dentry *upper = NULL;

	if (bpf_probe_read_kernel(&upper, sizeof(upper), (char *)inode + bpf_core_type_size(struct inode)))
		return true;
	return upper;
}

/* A step of the walk needs only the first bytes of a dentry. If a kernel had them elsewhere, no program would load. */
#define DENTRY_BYTES 64

struct dentry_bytes {
	__u8 byte[DENTRY_BYTES];
};

#define DENTRY_FIELD(bytes, type, field) (*(type *)((bytes)->byte + bpf_core_field_offset(((struct dentry *)0)->field)))

/* Goes from a mount's root to where it is mounted. */
static inline long leave_mount(struct file_identity *walk)
{
	struct mount *mount = mount_of(walk->mount), *parent;
	struct vfsmount *above;

	if (!walk->mount) {
		walk->end = WALK_WHOLE;
		return 1;
	}
	parent = BPF_CORE_READ(mount, mnt_parent);
	if (parent == mount) {
		walk->end = WALK_WHOLE;
		return 1;
	}
	walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
	above = (struct vfsmount *)((char *)parent + bpf_core_field_offset(struct mount, mnt));
	walk->mount = above;
	walk->top = BPF_CORE_READ(above, mnt_root);
	return 0;
}

/* Puts one name in front of the path. 1 ends the walk; without a new `end` it has failed. */
static long walk_step(__u32 step, void *context)
{
	struct scratch *scratch = *(struct scratch **)context;
	struct file_identity *walk = &scratch->image;
	struct dentry *dentry = walk->dentry;
	struct dentry_bytes bytes;
	__u32 length, start;

	if (dentry == walk->top)
		return leave_mount(walk);
	if (bpf_probe_read_kernel(&bytes, sizeof(bytes), dentry))
		return 1;
	length = DENTRY_FIELD(&bytes, __u32, d_name.len);
	if (DENTRY_FIELD(&bytes, struct dentry *, d_parent) == dentry || length > NAME_BYTES_MAX)
		return 1;
	if (walk->start < length + 1) {
		walk->end = WALK_OVER_LONG;
		return 1;
	}
	start = (walk->start - length - 1) & (STOCKADE_PATH_MAX_BYTES - 1);
	scratch->path[start] = '/';
	if (bpf_probe_read_kernel(&scratch->path[start + 1], length, DENTRY_FIELD(&bytes, const void *, d_name.name)))
		return 1;
	/* A rename exchanges name and parent together: both must be from before it or from after. */
	if (DENTRY_FIELD(&bytes, __u32, d_seq.seqcount.sequence) & 1 ||
	    DENTRY_FIELD(&bytes, __u32, d_seq.seqcount.sequence) != BPF_CORE_READ(dentry, d_seq.seqcount.sequence))
		return 0;
	if (walk->start == STOCKADE_PATH_MAX_BYTES)
		walk->last_slash = start;
	walk->start = start;
	walk->dentry = DENTRY_FIELD(&bytes, struct dentry *, d_parent);
	return 0;
}

/*
 * Finds a file's path. If the file is of the container's root, the path begins at the root of that file system, so no
 * mount changes it. Otherwise the path begins at the top of the mount namespace, so chroot(2) does not change it.
 */
static inline void image_walk(struct scratch *scratch, struct dentry *dentry, struct vfsmount *mount, bool on_root)
{
	struct file_identity *image = &scratch->image;

	image->dentry = dentry;
	image->start = image->last_slash = STOCKADE_PATH_MAX_BYTES;
	image->end = WALK_UNFINISHED;
	if (on_root) {
		image->mount = NULL;
		image->top = BPF_CORE_READ(dentry, d_sb, s_root);
	} else {
		image->mount = mount;
		image->top = BPF_CORE_READ(mount, mnt_root);
	}
	bpf_loop(WALK_STEPS_MAX, walk_step, &scratch, 0);
}

/* Where a file is. */
struct place {
	struct dentry *dentry;
	struct vfsmount *mount;
};

static __always_inline struct place opened_place(struct file *file)
{
	struct place place = {BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt)};

	return place;
}

/*
 * Where a mapped file is. overlayfs maps the file of its layer, which it has opened on a detached mount of its own.
 * Since Linux 6.5 it keeps the overlay's path behind that file. The flag for this has different values on different
 * kernels. So the path is used if it looks right: an overlay's dentry, and a mount of that overlay.
 */
static __always_inline struct place mapped_place(struct file *file)
{
	struct place place = opened_place(file);
	struct backing_file *backing = (struct backing_file *)file;
	struct super_block *super_block;
	struct dentry *dentry;
	struct vfsmount *mount;

	if (!bpf_core_type_exists(struct backing_file) || !is_detached(place.mount))
		return place;
	dentry = BPF_CORE_READ(backing, user_path.dentry);
	mount = BPF_CORE_READ(backing, user_path.mnt);
	super_block = BPF_CORE_READ(dentry, d_inode, i_sb);
	if (BPF_CORE_READ(super_block, s_magic) != OVERLAY_MAGIC || BPF_CORE_READ(mount, mnt_sb) != super_block)
		return place;
	place.dentry = dentry;
	place.mount = mount;
	return place;
}

/*
 * Finds out what a file is. A file of the container's root has the path that the image gives it, whatever was mounted
 * over it since. Any other file has the path at which it is mounted.
 */
static __always_inline void image_identify(struct scratch *scratch, struct place place, __u32 root_device)
{
	struct file_identity *image = &scratch->image;
	struct dentry *dentry = place.dentry;
	struct vfsmount *mount = place.mount;
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	bool on_root = is_on_root(BPF_CORE_READ(inode, i_sb), root_device), detached = is_detached(mount);
	bool unlinked = !BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry;

	image->fileless = detached || unlinked || !BPF_CORE_READ(inode, i_nlink);
	image->fresh = !on_root || is_changed(inode);
	image_walk(scratch, dentry, mount, on_root);
	/* A detached file has no path in a namespace. The one that was walked was chosen by whoever made the mount. */
	if (detached && image->end != WALK_OVER_LONG)
		image->end = WALK_WHOLE;
}

#endif
