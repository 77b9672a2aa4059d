/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files that a task has open. */
#ifndef STOCKADE_DESCRIPTOR_H
#define STOCKADE_DESCRIPTOR_H

#include <bpf/bpf_core_read.h>

#define FMODE_WRITE 2

/* NULL: the descriptor is not open. The caller knows that the number is one that the task's table has. */
static inline struct file *opened_file(struct task_struct *task, __u64 number)
{
	struct file **files = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file), files + number);
	return file;
}

#endif
