/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a file is, whatever it is called by: its path, and whether it is the image's. */
#ifndef STOCKADE_IMAGE_H
#define STOCKADE_IMAGE_H

#include <bpf/bpf_core_read.h>
#include "lib/kernel_read.bpf.h"
#include "lib/volumes.bpf.h"

#define OVERLAY_MAGIC	    0x794c7630
#define PROC_MAGIC	    0x9fa0
#define CIFS_MAGIC	    0xff534d42
#define SMB2_MAGIC	    0xfe534d42
#define DCACHE_OP_COMPARE   2		/* include/linux/dcache.h: the file system compares names in its own way */
#define ANONYMOUS_NAMESPACE 0xeffffff7u /* since 6.18; before, such a mount namespace has no number */
#define ERROR_POINTERS	    (~0ull - 4095)
#define S_IFMT		    0170000
#define S_IFDIR		    0040000
#define MNT_INTERNAL	    0x4000 /* a mount that the kernel made for itself; a clone of it is none */
#define WALK_STEPS_MAX	    4096   /* twice the components of the longest path, for mounts and repetitions */

static inline struct mount *mount_of(struct vfsmount *mount)
{
	return (struct mount *)((char *)mount - bpf_core_field_offset(struct mount, mnt));
}

/* A mount that hangs in no mount namespace: a memfd's, one unmounted lazily, one that open_tree(2) cloned. */
static inline bool is_detached(struct vfsmount *mount)
{
	struct mnt_namespace *namespace = KERNEL_READ(mount_of(mount), mnt_ns);
	__u32 number;

	if (!namespace || (__u64) namespace >= ERROR_POINTERS)
		return true;
	number = KERNEL_READ(namespace, ns.inum);
	return !number || number == ANONYMOUS_NAMESPACE;
}

/* A mount that no task can reach: one for what has no path (pipe, memfd, namespace), or below a stacked file system. */
static inline bool is_kernel_mount(struct vfsmount *mount)
{
	return (__u64)KERNEL_READ(mount_of(mount), mnt_ns) >= ERROR_POINTERS ||
	       KERNEL_READ(mount, mnt_flags) & MNT_INTERNAL;
}

/* Whether the file lies on the overlay that is the container's root. A root that is no overlay has no device. */
static inline bool is_on_root(struct super_block *super_block, __u32 root_device)
{
	return KERNEL_READ(super_block, s_dev) == root_device && KERNEL_READ(super_block, s_magic) == OVERLAY_MAGIC;
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

static inline bool is_folder(struct dentry *dentry)
{
	return (KERNEL_READ(dentry, d_inode, i_mode) & S_IFMT) == S_IFDIR;
}

/*
 * Whether a folder of the root overlay is the image's, or merged with the image's: it has lower layers. A folder that
 * the container made has none. Overlayfs keeps a pointer behind the upper dentry. From Linux 6.5 on, it leads to the
 * entry of the folder, which begins with the number of lower layers. Before, it leads to the first lower layer, which
 * begins with a pointer. Both begin with zeros only if there is no lower layer.
 */
static inline bool is_folder_of_image(struct inode *inode)
{
	struct {
		struct dentry *upper;
		void *lower;
	} overlay = {};
	__u32 layers = 0;

	if (bpf_probe_read_kernel(&overlay, sizeof(overlay), (char *)inode + bpf_core_type_size(struct inode)))
		return true;
	if (!overlay.upper)
		return true;
	return overlay.lower && (bpf_probe_read_kernel(&layers, sizeof(layers), overlay.lower) || layers);
}

#define DENTRY_FIELD(bytes, type, field) (*(type *)((bytes)->byte + bpf_core_field_offset(((struct dentry *)0)->field)))

/* Older kernels copy all of it at once. False: it cannot be read. */
static inline bool dentry_copied(struct scratch *scratch, struct dentry *dentry)
{
	struct dentry_fields *fields = &scratch->fields;
	struct dentry_bytes *bytes = &scratch->dentry;

	if (bpf_probe_read_kernel(bytes, sizeof(*bytes), dentry))
		return false;
	fields->inode = DENTRY_FIELD(bytes, struct inode *, d_inode);
	fields->parent = DENTRY_FIELD(bytes, struct dentry *, d_parent);
	fields->name = DENTRY_FIELD(bytes, const void *, d_name.name);
	fields->length = DENTRY_FIELD(bytes, __u32, d_name.len);
	fields->flags = DENTRY_FIELD(bytes, __u32, d_flags);
	fields->sequence = DENTRY_FIELD(bytes, __u32, d_seq.seqcount.sequence);
	return true;
}

static inline bool dentry_read(struct scratch *scratch, struct dentry *dentry)
{
	struct dentry_fields *fields = &scratch->fields;
	struct dentry *untrusted;

	if (!bpf_rdonly_cast)
		return dentry_copied(scratch, dentry);
	untrusted = UNTRUSTED(dentry);
	fields->sequence = untrusted->d_seq.seqcount.sequence;
	barrier();
	fields->inode = untrusted->d_inode;
	fields->parent = untrusted->d_parent;
	fields->name = untrusted->d_name.name;
	fields->length = untrusted->d_name.len;
	fields->flags = untrusted->d_flags;
	/* What is in memory is a number to the verifier, and no pointer with which it allows no arithmetic. */
	barrier();
	/* A dentry that was not there has no parent. */
	return fields->parent;
}

static inline bool is_smb(struct super_block *super_block)
{
	unsigned long magic = KERNEL_READ(super_block, s_magic);

	return magic == CIFS_MAGIC || magic == SMB2_MAGIC;
}

/* Goes from a mount's root to where it is mounted. */
static inline long leave_mount(struct walk *walk)
{
	struct file_identity *image = &walk->scratch->image;
	struct mount *mount = mount_of(image->mount), *parent;
	struct vfsmount *above;

	if (!image->mount) {
		image->end = WALK_WHOLE;
		return 1;
	}
	parent = KERNEL_READ(mount, mnt_parent);
	if (parent == mount) {
		image->end = WALK_WHOLE;
		return 1;
	}
	image->dentry = KERNEL_READ(mount, mnt_mountpoint);
	above = (struct vfsmount *)((char *)parent + bpf_core_field_offset(struct mount, mnt));
	image->mount = above;
	image->top = KERNEL_READ(above, mnt_root);
	walk->on_server = is_smb(KERNEL_READ(above, mnt_sb));
	return 0;
}

/*
 * Whether the same file can be opened by another spelling of its name. proc(5) compares names in its own way, and means
 * one spelling.
 */
static inline bool has_spellings(const struct walk *walk, struct dentry *dentry, __u32 flags)
{
	if (flags & DCACHE_OP_COMPARE)
		return KERNEL_READ(dentry, d_sb, s_magic) != PROC_MAGIC;
	return walk->on_server;
}

#define WORD_BYTES	 8
#define SHORT_NAME_WORDS 2

/* Writes up to eight bytes of a name, and leaves what is behind them. */
static inline void put_word(__u8 *to, const void *name, __u32 length)
{
	__u64 mask = ~0ull >> (WORD_BYTES - length) * 8, *bytes = (__u64 *)to;

	/* Any structure that begins with a number of eight bytes will do. */
	*bytes = (*bytes & ~mask) | (UNTRUSTED((const struct timespec64 *)name)->tv_sec & mask);
}

/*
 * Copies a name to where it stands in the path. Most names are short: the kernel keeps them in the dentry, which has
 * room for more bytes than are read here. Two loads are much cheaper than a call. -1: the name cannot be read.
 */
static inline long put_name(__u8 *to, const void *name, __u32 length)
{
	if (!bpf_rdonly_cast || length - 1 >= SHORT_NAME_WORDS * WORD_BYTES)
		return bpf_probe_read_kernel(to, length, name);
	if (length > WORD_BYTES) {
		put_word(to + WORD_BYTES, (const char *)name + WORD_BYTES, length - WORD_BYTES);
		length = WORD_BYTES;
	}
	put_word(to, name, length);
	return 0;
}

/* Puts one name in front of the path. 1 ends the walk; without a new `end` it has failed. */
static long walk_step(__u32 step, void *context)
{
	struct walk *walk = context;
	struct scratch *scratch = walk->scratch;
	struct file_identity *image = &scratch->image;
	struct dentry *dentry = image->dentry;
	const struct dentry_fields *fields = &scratch->fields;
	__u32 length, start;

	if (dentry == image->top && !walk->volumes)
		return leave_mount(walk);
	if (!dentry_read(scratch, dentry))
		return 1;
	if (walk->volumes)
		notice_root(walk, dentry, fields->inode);
	if (dentry == image->top)
		return leave_mount(walk);
	if (has_spellings(walk, dentry, fields->flags)) {
		image->end = WALK_NOWHERE;
		return 1;
	}
	length = fields->length;
	if (fields->parent == dentry) {
		/* The topmost dentry of a mount, as on NFS, where the file system's root is none that a mount has. */
		if (walk->volumes)
			image->end = WALK_WHOLE;
		return 1;
	}
	if (length > NAME_BYTES_MAX)
		return 1;
	if (image->start < length + 1) {
		image->end = WALK_OVER_LONG;
		return 1;
	}
	start = (image->start - length - 1) & (STOCKADE_PATH_MAX_BYTES - 1);
	scratch->path[start] = '/';
	if (put_name(&scratch->path[start + 1], fields->name, length))
		return 1;
	/* A rename exchanges name and parent together: both must be from before it or from after. */
	if (fields->sequence & 1 || fields->sequence != KERNEL_READ(dentry, d_seq.seqcount.sequence))
		return 0;
	if (image->start == STOCKADE_PATH_MAX_BYTES)
		image->last_slash = start;
	image->after_first = image->start;
	image->start = start;
	image->dentry = fields->parent;
	return 0;
}

/* Where a file is. */
struct place {
	struct dentry *dentry;
	struct vfsmount *mount;
};

/*
 * Finds a file's path. If the file is of the container's root, the path begins at the root of that file system, so no
 * mount changes it. Otherwise the volumes say where the path begins. An earlier Stockade left no volumes: then the path
 * begins at the top of the mount namespace.
 *
 * `number`: which of the file's paths.
 */
static __always_inline void image_walk(struct scratch *scratch, const struct place *place, bool on_root,
				       const struct stockade_container *container, __u32 number)
{
	struct file_identity *image = &scratch->image;
	struct walk walk = {.scratch = scratch};
	struct dentry *dentry = place->dentry;
	struct vfsmount *mount = place->mount;
	struct super_block *super_block = KERNEL_READ(dentry, d_sb);
	bool by_volumes = !on_root && container->flags & STOCKADE_HAS_VOLUMES, by_mounts = !on_root && !by_volumes;

	image->dentry = dentry;
	image->noticed = NULL;
	image->start = image->last_slash = image->after_first = STOCKADE_PATH_MAX_BYTES;
	image->paths = !by_volumes;
	image->end = WALK_UNFINISHED;
	walk.on_server = is_smb(super_block);
	if (by_volumes) {
		walk.volumes = bpf_map_lookup_elem(&volumes, &container->cgroup_id);
		if (!walk.volumes)
			return;
	}
	image->mount = by_mounts ? mount : NULL;
	image->top = by_mounts ? KERNEL_READ(mount, mnt_root) : KERNEL_READ(super_block, s_root);
	bpf_loop(WALK_STEPS_MAX, walk_step, &walk, 0);
	if (!walk.volumes)
		return;
	/* Names above the volume's root, which others may choose, can make the way too long. They are no part of the
	 * path. */
	if (image->end == WALK_OVER_LONG)
		image->end = WALK_NOWHERE;
	take_path(scratch, walk.volumes, number);
	/* If the element was removed meanwhile, another container's mounts may have been read. */
	if (!bpf_map_lookup_elem(&volumes, &container->cgroup_id))
		image->end = WALK_UNFINISHED;
}

static __always_inline struct place opened_place(struct file *file)
{
	struct place place = {KERNEL_READ(file, f_path.dentry), KERNEL_READ(file, f_path.mnt)};

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
	dentry = KERNEL_READ(backing, user_path.dentry);
	mount = KERNEL_READ(backing, user_path.mnt);
	super_block = KERNEL_READ(dentry, d_inode, i_sb);
	if (KERNEL_READ(super_block, s_magic) != OVERLAY_MAGIC || KERNEL_READ(mount, mnt_sb) != super_block)
		return place;
	place.dentry = dentry;
	place.mount = mount;
	return place;
}

/*
 * Finds out what a file is. A file of the container's root has the path that the image gives it, whatever was mounted
 * over it since. Any other file has the paths at which it was mounted when the container started.
 */
static __always_inline void image_identify(struct scratch *scratch, struct place place,
					   const struct stockade_container *container, __u32 number)
{
	struct file_identity *image = &scratch->image;
	struct dentry *dentry = place.dentry;
	struct vfsmount *mount = place.mount;
	struct inode *inode = KERNEL_READ(dentry, d_inode);
	bool on_root = is_on_root(KERNEL_READ(inode, i_sb), container->root_device), detached = is_detached(mount);
	bool unlinked = !KERNEL_READ(dentry, d_hash.pprev) && KERNEL_READ(dentry, d_parent) != dentry;

	image->fileless = detached || unlinked || !KERNEL_READ(inode, i_nlink);
	image->fresh = !on_root || is_changed(inode);
	image_walk(scratch, &place, on_root, container, number);
	/* A detached file has no path in a namespace. The one that was walked was chosen by whoever made the mount. */
	if (detached && image->end != WALK_OVER_LONG)
		image->end = WALK_WHOLE;
}

#endif
