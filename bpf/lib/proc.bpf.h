/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which process a file of /proc is about, and whether it shows that process's memory. */
#ifndef STOCKADE_PROC_H
#define STOCKADE_PROC_H

#include <bpf/bpf_core_read.h>

#define PROC_MAGIC 0x9fa0
#define NAME_ROOM  16

/* Files of /proc/PID that the kernel opens for CAP_PERFMON whatever ptrace_access_check says, since Linux 6.14. */
static const char memory_files[][NAME_ROOM] __attribute__((aligned(8))) = {
	"environ", "auxv", "maps", "smaps", "smaps_rollup", "numa_maps", "pagemap",
};

static inline bool is_name(const __u64 name[2], const char file[NAME_ROOM])
{
	const __u64 *words = (const __u64 *)file;

	return name[0] == words[0] && name[1] == words[1];
}

static const char memory_file[NAME_ROOM] __attribute__((aligned(8))) = "mem";

/* False: the name is longer than each that is looked for, or cannot be read. */
static inline bool read_name(struct dentry *dentry, __u64 name[2])
{
	__u32 length = BPF_CORE_READ(dentry, d_name.len);

	return length < NAME_ROOM && !bpf_probe_read_kernel(name, length, BPF_CORE_READ(dentry, d_name.name));
}

/* What the name is worth depends on is_of_process(): other files of proc could have it too. */
static inline bool is_memory_file(struct dentry *dentry)
{
	__u64 name[2] = {};

	return read_name(dentry, name) && is_name(name, memory_file);
}

static inline bool shows_memory(struct dentry *dentry)
{
	__u64 name[2] = {};

	if (!read_name(dentry, name))
		return false;
	for (__u32 file = 0; file < sizeof(memory_files) / NAME_ROOM; file++)
		if (is_name(name, memory_files[file]))
			return true;
	return false;
}

static inline struct proc_inode *proc_inode_of(struct inode *inode)
{
	return (struct proc_inode *)((char *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode));
}

/* Whether the file is of some process, which may be gone. */
static inline bool is_of_process(struct inode *inode)
{
	return BPF_CORE_READ(proc_inode_of(inode), pid);
}

/* NULL: the file is of no process, or the process is gone. */
static inline struct task_struct *task_of_file(struct inode *inode)
{
	struct hlist_node *link = BPF_CORE_READ(proc_inode_of(inode), pid, tasks[0].first);

	return link ? (struct task_struct *)((char *)link - bpf_core_field_offset(struct task_struct, pid_links))
		    : NULL;
}

#endif
