/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The paths of a file in a volume. A volume is known by the root that it had when the container started. The path of a
 * file is the mount point of that time, and the names from the root down to the file. A file that several volumes reach
 * has several paths, and each of them is judged.
 */
#ifndef STOCKADE_VOLUMES_H
#define STOCKADE_VOLUMES_H

#include <bpf/bpf_core_read.h>
#include "lib/scratch.bpf.h"

struct walk {
	struct scratch *scratch;
	const struct stockade_volumes *volumes; /* NULL: the walk does not look for them */
	bool on_server; /* the walk is on SMB, whose server knows several spellings, whatever the client compares */
};

static inline bool may_be_root(const struct stockade_volumes *volumes, __u64 inode)
{
	__u32 bit = stockade_volume_bit(inode);

	return volumes->filter[bit / 64 % (STOCKADE_VOLUME_FILTER_BITS / 64)] >> (bit % 64) & 1;
}

static inline void note_part(struct file_identity *image, __u32 volume)
{
	struct path_part part = {volume, image->start, image->after_first};

	if (image->paths < STOCKADE_FILE_PATHS_MAX)
		image->parts[image->paths & (STOCKADE_FILE_PATHS_MAX - 1)] = part;
	image->paths += 1;
}

struct root_search {
	struct walk *walk;
	__u64 inode;
};

static long root_step(__u32 index, void *context)
{
	const struct root_search *search = context;
	const struct stockade_volumes *volumes = search->walk->volumes;

	if (index < STOCKADE_VOLUMES_MAX && volumes->volume[index].root == search->inode)
		note_part(&search->walk->scratch->image, index);
	return 0;
}

/*
 * Notes each volume of which this is the root. A step that a rename disturbs comes here again. bpf_loop() and not a
 * loop of C: the verifier would follow that one round by round, in each program that walks.
 */
static inline void notice_root(struct walk *walk, struct dentry *dentry, struct inode *inode)
{
	struct file_identity *image = &walk->scratch->image;
	struct root_search search = {walk, (__u64)inode};

	if (image->noticed == dentry || !inode)
		return;
	image->noticed = dentry;
	if (may_be_root(walk->volumes, search.inode))
		bpf_loop(STOCKADE_VOLUMES_MAX, root_step, &search, 0);
}

static inline bool has_path_after(const struct file_identity *image, __u32 number)
{
	return image->end == WALK_WHOLE && number + 1 < image->paths && number + 1 < STOCKADE_FILE_PATHS_MAX;
}

static inline bool is_time(const struct scratch *scratch, __u32 start)
{
	__u32 mask = STOCKADE_PATH_MAX_BYTES - 1;
	__u8 digit = scratch->path[(start + 3) & mask];

	return scratch->path[(start + 1) & mask] == '.' && scratch->path[(start + 2) & mask] == '.' && digit >= '0' &&
	       digit <= '9';
}

/* Puts the mount point in front of the path in the volume. Leaves the walk unfinished where it cannot. */
static inline void put_mount_point(struct scratch *scratch, const struct stockade_volumes *volumes,
				   const struct stockade_volume *volume)
{
	struct file_identity *image = &scratch->image;
	__u32 length = volume->length, from = volume->start, start;

	image->end = WALK_UNFINISHED;
	if (length > STOCKADE_MOUNT_POINT_MAX_BYTES || from > STOCKADE_MOUNT_POINTS_BYTES)
		return;
	if (image->start < length) {
		image->end = WALK_OVER_LONG;
		return;
	}
	/* The path is the mount point itself. */
	if (image->start == STOCKADE_PATH_MAX_BYTES)
		image->last_slash = STOCKADE_PATH_MAX_BYTES - length + volume->last_slash;
	start = image->start - length;
	if (length && bpf_probe_read_kernel(&scratch->path[start & (STOCKADE_PATH_MAX_BYTES - 1)], length,
					    volumes->mount_points + from))
		return;
	image->start = start;
	image->end = WALK_WHOLE;
}

/*
 * Makes one of the file's paths of the names that were walked. The outermost volume comes first: the mount point of the
 * next one is written over names that only the paths before it need.
 */
static inline void take_path(struct scratch *scratch, const struct stockade_volumes *volumes, __u32 number)
{
	struct file_identity *image = &scratch->image;
	const struct stockade_volume *volume;
	struct path_part part;

	if (image->end != WALK_WHOLE)
		return;
	image->end = WALK_NOWHERE;
	if (image->paths > STOCKADE_FILE_PATHS_MAX || number >= image->paths)
		return;
	/* The verifier does not see that the number is small, and the compiler would leave the mask out. */
	barrier_var(number);
	part = image->parts[number & (STOCKADE_FILE_PATHS_MAX - 1)];
	if (part.volume >= STOCKADE_VOLUMES_MAX)
		return;
	volume = &volumes->volume[part.volume];
	image->start = part.start;
	if (volume->flags & STOCKADE_VOLUME_IS_ATOMIC && is_time(scratch, part.start))
		image->start = part.after_first;
	put_mount_point(scratch, volumes, volume);
}

#endif
