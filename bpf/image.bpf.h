/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a file is, whatever it is called by: its path in the mount namespace, and whether it is the image's. */
#ifndef STOCKADE_IMAGE_H
#define STOCKADE_IMAGE_H

#include <bpf/bpf_core_read.h>
#include "scratch.bpf.h"

#define OVERLAY_MAGIC	    0x794c7630
#define ANONYMOUS_NAMESPACE 0xeffffff7u /* since 6.18; before, such a mount namespace has no number */
#define ERROR_POINTERS	    (~0ull - 4095)
#define WALK_STEPS_MAX	    4096 /* twice the components of the longest path, for mounts and repetitions */

enum walk_end { WALK_UNFINISHED = 0, WALK_WHOLE, WALK_OVER_LONG };

/* A file's identity. Its path stands in scratch->path[start ..< STOCKADE_PATH_MAX_BYTES]. */
struct image {
	__u32 start;
	__u32 last_slash; /* where the last component starts */
	__u32 end;	  /* enum walk_end */
	bool fileless;
	bool fresh; /* not of the container's image */
};

/* On its way up. */
struct walk {
	struct scratch *scratch;
	struct dentry *dentry;
	struct vfsmount *mount;
	__u32 start;
	__u32 last_slash;
	__u32 end;
};

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

static inline bool is_unlinked(struct dentry *dentry)
{
	return !BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry;
}

/*
 * Not as the image has it: on another file system than the container's root, or written, copied up or linked since.
 * overlayfs keeps the dentry of the upper layer right behind its inode (Linux 6.1 to 7.3).
 */
static inline bool is_fresh(struct inode *inode, __u32 root_device)
{
	struct dentry *upper = NULL;

	if (BPF_CORE_READ(inode, i_sb, s_dev) != root_device || BPF_CORE_READ(inode, i_sb, s_magic) != OVERLAY_MAGIC)
		return true;
	if (bpf_probe_read_kernel(&upper, sizeof(upper), (char *)inode + bpf_core_type_size(struct inode)))
		return true;
	return upper;
}

/* Goes from a mount's root to where it is mounted. */
static inline long leave_mount(struct walk *walk, struct mount *mount)
{
	struct mount *parent = BPF_CORE_READ(mount, mnt_parent);

	if (parent == mount) {
		walk->end = WALK_WHOLE;
		return 1;
	}
	walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
	walk->mount = (struct vfsmount *)((char *)parent + bpf_core_field_offset(struct mount, mnt));
	return 0;
}

static inline __u32 sequence_of(struct dentry *dentry)
{
	return BPF_CORE_READ(dentry, d_seq.seqcount.sequence);
}

/* Puts one name in front of the path. 1 ends the walk; without a new `end` it has failed. */
static long walk_step(__u32 step, void *context)
{
	struct walk *walk = context;
	struct dentry *dentry = walk->dentry, *parent;
	struct vfsmount *root = walk->mount;
	struct mount *mount = mount_of(root);
	__u32 length, start, sequence = sequence_of(dentry);
	const unsigned char *name;

	if (!dentry)
		return 1;
	if (dentry == BPF_CORE_READ(root, mnt_root))
		return leave_mount(walk, mount);
	parent = BPF_CORE_READ(dentry, d_parent);
	length = BPF_CORE_READ(dentry, d_name.len);
	name = BPF_CORE_READ(dentry, d_name.name);
	if (parent == dentry || length > NAME_BYTES_MAX)
		return 1;
	if (walk->start < length + 1) {
		walk->end = WALK_OVER_LONG;
		return 1;
	}
	start = (walk->start - length - 1) & (STOCKADE_PATH_MAX_BYTES - 1);
	walk->scratch->path[start] = '/';
	if (bpf_probe_read_kernel(&walk->scratch->path[start + 1], length, name))
		return 1;
	/* A rename exchanges name and parent together: both must be from before it or from after. */
	if (sequence & 1 || sequence != sequence_of(dentry))
		return 0;
	if (walk->start == STOCKADE_PATH_MAX_BYTES)
		walk->last_slash = start;
	walk->start = start;
	walk->dentry = parent;
	return 0;
}

/*
 * The path goes up to the top of the mount namespace, so chroot(2) does not change it. A function of its own for the
 * verifier, which then looks at it once and not for each way that leads here; pointers come as numbers for that.
 */
__noinline int image_walk(struct image *image, __u64 dentry, __u64 mount)
{
	struct walk walk = {
		.scratch = scratch_get(),
		.dentry = (struct dentry *)dentry,
		.mount = (struct vfsmount *)mount,
		.start = STOCKADE_PATH_MAX_BYTES,
		.last_slash = STOCKADE_PATH_MAX_BYTES,
	};

	if (!walk.scratch || !image)
		return -1;
	bpf_loop(WALK_STEPS_MAX, walk_step, &walk, 0);
	image->start = walk.start;
	image->last_slash = walk.last_slash;
	image->end = walk.end;
	return 0;
}

static inline void image_identify(struct image *image, struct file *file, __u32 root_device)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct vfsmount *mount = BPF_CORE_READ(file, f_path.mnt);
	bool detached = is_detached(mount);

	image->start = STOCKADE_PATH_MAX_BYTES;
	image->fileless = detached || !BPF_CORE_READ(inode, i_nlink) || is_unlinked(dentry);
	image->fresh = is_fresh(inode, root_device);
	image_walk(image, (__u64)dentry, (__u64)mount);
	/* What is in no namespace has no path there: the one that was walked is whatever its maker wanted. */
	if (detached && image->end != WALK_OVER_LONG)
		image->end = WALK_WHOLE;
}

#endif
