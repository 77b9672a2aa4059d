/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a hook of the runtime may execute behind a pod's gate once the hook has the container's root. In that root a
 * name leads wherever the image wants. So the hook may execute a program only by a descriptor of its own, and only one
 * that is no file of the container: a sealed memfd, or a file that the hook opened before it changed its root. The
 * kernel may look nothing up by name for the program either, so the program is no script and has no loader.
 *
 * A memfd does not tell who made it. A hook that executes a memfd that it was given answers for that memfd.
 */
#ifndef STOCKADE_GATE_H
#define STOCKADE_GATE_H

#include "report/exec_events.bpf.h"
#include "lib/strays.bpf.h"

#define HOOK_DEPTH_MAX	 8 /* a hook that is a script starts programs, which start others */
#define TMPFS_MAGIC	 0x01021994
#define SEALS_OF_CONTENT 0xf /* F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE: fcntl(2) */
#define MOUNT_DEPTH_MAX	 32  /* mounts upon mounts; what is deeper counts as the container's */
#define PROGRAM_NAME_MAX 32  /* of a descriptor; a longer name is none */

/* Of a 64-bit program. elf(5) */
#define ELF_MAGIC		   0x464c457f
#define ELF_CLASS_64		   2
#define ELF_INTERPRETER		   3 /* PT_INTERP */
#define ELF_HEADER_BYTES	   64
#define ELF_PROGRAM_HEADER_BYTES   56
#define ELF_PROGRAM_HEADERS_OFFSET 32
/* The kernel keeps the beginning of the file, with this many headers. Linkers put PT_INTERP among the first two. */
#define ELF_PROGRAM_HEADERS_SEEN 3

struct elf_start {
	__u32 magic;
	__u8 class;
	__u8 rest[3];
};

/* Whether the path's end is a number, from `start` on. */
static inline bool ends_in_number(const char *name, __u32 start)
{
	for (__u32 index = start; index < PROGRAM_NAME_MAX; index++) {
		if (!name[index])
			return index > start;
		if (name[index] < '0' || name[index] > '9')
			return false;
	}
	return false;
}

static inline bool begins_with(const char *name, const char *start, __u32 length)
{
	for (__u32 index = 0; index < length; index++)
		if (name[index] != start[index])
			return false;
	return true;
}

/*
 * Whether the task names the program by one of its own descriptors, or as the program that it runs already: by
 * execveat(2) with AT_EMPTY_PATH, for which the kernel makes the name, or below /proc, where the runtime has mounted
 * procfs. `interp` is the kernel's copy of the name.
 */
static inline bool is_own_descriptor(struct linux_binprm *binary)
{
	static const char descriptors[] = "/proc/self/fd/", own[] = "/proc/self/exe", made[] = "/dev/fd/";
	const char *interpreter = BPF_CORE_READ(binary, interp);
	char name[PROGRAM_NAME_MAX] = {};

	/* For a script it names the interpreter, which the script chooses. */
	if (interpreter != BPF_CORE_READ(binary, filename))
		return false;
	if (bpf_probe_read_kernel_str(name, sizeof(name), interpreter) <= 0)
		return false;
	if (interpreter == BPF_CORE_READ(binary, fdpath))
		return begins_with(name, made, sizeof(made) - 1) && ends_in_number(name, sizeof(made) - 1);
	if (begins_with(name, own, sizeof(own)))
		return true;
	return begins_with(name, descriptors, sizeof(descriptors) - 1) && ends_in_number(name, sizeof(descriptors) - 1);
}

/* Whether the file is an ELF program that names no loader. `buf` has the beginning of the file. */
static inline bool needs_no_loader(struct linux_binprm *binary)
{
	const char *bytes = (const char *)binary + bpf_core_field_offset(binary->buf);
	struct elf_start start;
	__u64 headers;
	__u32 type;

	if (bpf_probe_read_kernel(&start, sizeof(start), bytes) ||
	    bpf_probe_read_kernel(&headers, sizeof(headers), bytes + ELF_PROGRAM_HEADERS_OFFSET))
		return false;
	if (start.magic != ELF_MAGIC || start.class != ELF_CLASS_64 || headers != ELF_HEADER_BYTES)
		return false;
	for (__u32 index = 0; index < ELF_PROGRAM_HEADERS_SEEN; index++) {
		const char *header = bytes + ELF_HEADER_BYTES + index * ELF_PROGRAM_HEADER_BYTES;

		if (bpf_probe_read_kernel(&type, sizeof(type), header) || type == ELF_INTERPRETER)
			return false;
	}
	return true;
}

/* Whether an inode on one of the kernel's own mounts is a memfd that nobody can change any more. */
static inline bool is_sealed(struct inode *inode)
{
	struct shmem_inode_info *memory;

	if (!bpf_core_type_exists(struct shmem_inode_info) || BPF_CORE_READ(inode, i_sb, s_magic) != TMPFS_MAGIC)
		return false;
	memory = (struct shmem_inode_info *)((char *)inode - bpf_core_field_offset(struct shmem_inode_info, vfs_inode));
	return (BPF_CORE_READ(memory, seals) & SEALS_OF_CONTENT) == SEALS_OF_CONTENT;
}

/*
 * Whether a file lies in the task's root: on the root's file system, or on a mount somewhere below the root. The root
 * is known by its folder. The mount itself would not do, since it has copies in other mount namespaces.
 */
static inline bool lies_in_root(struct task_struct *task, struct place place)
{
	struct vfsmount *root = BPF_CORE_READ(task, fs, root.mnt);
	struct dentry *top = BPF_CORE_READ(root, mnt_root);
	struct mount *mount = mount_of(place.mount), *parent;
	struct dentry *dentry = place.dentry;

	if (BPF_CORE_READ(dentry, d_inode, i_sb) == BPF_CORE_READ(root, mnt_sb))
		return true;
	for (int depth = 0; depth < MOUNT_DEPTH_MAX; depth++) {
		if (BPF_CORE_READ(mount, mnt.mnt_root) == top)
			return true;
		parent = BPF_CORE_READ(mount, mnt_parent);
		if (parent == mount)
			return false;
		mount = parent;
	}
	return true;
}

/* What a hook may execute in the container's root. */
static inline bool gate_lets_through(struct task_struct *task, struct linux_binprm *binary)
{
	struct place place = opened_place(BPF_CORE_READ(binary, file));
	struct dentry *dentry = place.dentry;

	if (!is_own_descriptor(binary) || !needs_no_loader(binary))
		return false;
	if (is_kernel_mount(place.mount))
		return is_sealed(BPF_CORE_READ(dentry, d_inode));
	return !lies_in_root(task, place);
}

/* Thread group id -> what it executed last behind a gate. Writer: exec programs. Full: the least used is forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STOCKADE_HOOKS_MAX);
	__type(key, __u32);
	__type(value, struct stockade_hook);
} hooks SEC(".maps");

static void fill_hook(struct scratch *scratch, struct task_struct *task, struct file *file)
{
	struct stockade_hook *hook = (struct stockade_hook *)scratch->data;
	struct stockade_container nobody = {};
	__u32 tgid = BPF_CORE_READ(task, tgid), length;

	image_identify(scratch, opened_place(file), &nobody, 0);
	length = STOCKADE_PATH_MAX_BYTES - scratch->image.start;
	/* A memfd has no path. The file that the task executed before stays: it is what made the memfd. */
	if (!length)
		return;
	if (length > STOCKADE_HOOK_PATH_MAX_BYTES)
		length = STOCKADE_HOOK_PATH_MAX_BYTES;
	if (bpf_probe_read_kernel(hook->path, length, (const char *)scratch->path + scratch->image.start))
		return;
	hook->started_ns = process_start(task);
	hook->length = length;
	hook->pad = 0;
	bpf_map_update_elem(&hooks, &tgid, hook, BPF_ANY);
}

/*
 * Remembers what the current task executes, which was let through the gate. Without memory later events do not name the
 * hook. This function is global for the verifier's sake, and so is report_not_open().
 */
__noinline int remember_hook(const struct executable *executable)
{
	struct scratch *scratch;

	if (!executable)
		return -1;
	scratch = scratch_claim();
	if (!scratch)
		return -1;
	fill_hook(scratch, (struct task_struct *)bpf_get_current_task(), (struct file *)executable->file);
	scratch_release(scratch);
	return 0;
}

/* What the task executed as a hook; else the nearest of its ancestors that executed something. NULL: not known. */
static inline const struct stockade_hook *hook_of(struct task_struct *task)
{
	for (int depth = 0; depth < HOOK_DEPTH_MAX; depth++) {
		__u32 tgid = BPF_CORE_READ(task, tgid);
		const struct stockade_hook *hook = bpf_map_lookup_elem(&hooks, &tgid);

		if (hook && hook->started_ns == process_start(task))
			return hook;
		task = BPF_CORE_READ(task, real_parent);
	}
	return NULL;
}

/* Appends the hook's path to the data of an event, at `start`. Returns its length. */
static __always_inline __u32 append_hook(struct scratch *scratch, __u32 start, struct task_struct *task)
{
	const struct stockade_hook *hook = hook_of(task);
	__u32 length = hook ? hook->length : 0;

	if (!hook || length > STOCKADE_HOOK_PATH_MAX_BYTES)
		return 0;
	return bpf_probe_read_kernel(scratch->data + start, length, hook->path) ? 0 : length;
}

static void tell_not_open(struct scratch *scratch, const struct executable *executable,
			  const struct stockade_container *container, enum stockade_effect effect)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct super_block *root = BPF_CORE_READ(task, fs, root.mnt, mnt_sb);
	struct stockade_container place = {};
	struct stockade_event *event = &scratch->event;
	__u32 path, hook;

	if (!event_allowed(container->cgroup_id, false))
		return;
	event_fill(event, container, executable->kind, STOCKADE_NOT_OPEN, effect);
	event_add_process(event);
	place.root_device = BPF_CORE_READ(root, s_dev);
	image_identify(scratch, opened_place((struct file *)executable->file), &place, 0);
	path = event_add_path(scratch);
	hook = append_hook(scratch, path, task);
	event->hook_length = hook;
	event_send(scratch, path + hook);
}

static inline void count_refused(const struct stockade_container *container)
{
	struct stockade_sandbox *sandbox = bpf_map_lookup_elem(&sandboxes, &container->cgroup_id);

	if (sandbox)
		__sync_fetch_and_add(&sandbox->refused, 1);
}

/* Reports a file that could not be executed or mapped because its container is not open. */
__noinline int report_not_open(const struct executable *executable, const struct stockade_container *of, __u32 effect)
{
	struct stockade_container container; /* on the stack: before Linux 6.2 no key of a map is anywhere else */
	struct scratch *scratch;

	if (!executable || !of)
		return -1;
	container = *of;
	if (container.state == STOCKADE_GATE)
		count_refused(&container);
	scratch = scratch_claim();
	if (!scratch) {
		report_unjudged(executable->kind, &container, STOCKADE_NOT_OPEN, effect);
		return -1;
	}
	tell_not_open(scratch, executable, &container, effect);
	scratch_release(scratch);
	return 0;
}

#endif
