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

static inline bool shows_memory(struct dentry *dentry)
{
	__u32 length = BPF_CORE_READ(dentry, d_name.len);
	__u64 name[2] = {};

	if (length >= NAME_ROOM || bpf_probe_read_kernel(name, length, BPF_CORE_READ(dentry, d_name.name)))
		return false;
	for (__u32 file = 0; file < sizeof(memory_files) / NAME_ROOM; file++)
		if (is_name(name, memory_files[file]))
			return true;
	return false;
}

/* NULL: the file is of no process, or the process is gone. */
static inline struct task_struct *task_of_file(struct inode *inode)
{
	struct proc_inode *owner =
		(struct proc_inode *)((char *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode));
	struct hlist_node *link = BPF_CORE_READ(owner, pid, tasks[0].first);

	return link ? (struct task_struct *)((char *)link - bpf_core_field_offset(struct task_struct, pid_links))
		    : NULL;
}

#endif
