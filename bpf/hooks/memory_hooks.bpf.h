/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * `executableMemory`: memory with code that lies in no file. Hooks: mmap_file (anonymous memory, a memfd, a device, and
 * memory that can be written and executed at once), file_mprotect (the same, and the private copy of a file's page).
 * trace_hooks.bpf.h has what writes code that is mapped already, and kernel_hooks.bpf.h has userfaultfd.
 */
#ifndef STOCKADE_MEMORY_HOOKS_H
#define STOCKADE_MEMORY_HOOKS_H

#include "decide/file_decide.bpf.h"
#include "hooks/exec_hooks.bpf.h"
#include "hooks/kernel.bpf.h"

/*
 * Whether the file has a name and bytes of its own. A memfd, System V shared memory and anonymous shared memory have no
 * name. /dev/zero has no bytes: what is mapped of it is memory.
 */
static inline bool is_named_file(struct file *file)
{
	struct place place = mapped_place(file);
	struct dentry *dentry = place.dentry;

	return !is_detached(place.mount) && (KERNEL_READ(dentry, d_inode, i_mode) & S_IFMT) == S_IFREG;
}

/* Nearly every task of the node, which leaves after this one look-up. A worker of io_uring has its leader's mark. */
static inline bool is_unmarked(struct task_struct *task, const struct stockade_mark *own)
{
	return !own && !(task->flags & PF_IO_WORKER);
}

/* One program for both: rules about programs, and about memory. Anonymous memory has no file. */
HOOK(mmap_file)
int BPF_PROG(exec_map, struct file *mapped, unsigned long protection)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = MAYBE_NULL(mapped);
	struct stockade_mark *mark;
	int verdict;

	if (!becomes_executable(task, protection))
		return 0;
	mark = bpf_task_storage_get(&marks, task, NULL, 0);
	verdict = file ? judge_mapped(task, mark, file) : 0;
	if (verdict || is_unmarked(task, mark))
		return verdict;
	return judge_surface(surface_of_code(protection, file && is_named_file(file)));
}

HOOK(file_mprotect)
int BPF_PROG(exec_protect, struct vm_area_struct *area, unsigned long requested, unsigned long protection)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file = area->vm_file;
	struct stockade_mark *mark;
	int verdict = 0;

	if (!changes_to_code(area->vm_flags, protection))
		return 0;
	mark = bpf_task_storage_get(&marks, task, NULL, 0);
	/* A mapping that was made to be read becomes executable. */
	if (file && !(area->vm_flags & VM_EXEC))
		verdict = judge_mapped(task, mark, file);
	if (verdict || is_unmarked(task, mark))
		return verdict;
	return judge_surface(surface_of_code(protection, file && !area->anon_vma && is_named_file(file)));
}

#endif
