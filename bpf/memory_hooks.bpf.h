/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * `executableMemory`: memory that holds code which no file holds. Hooks: mmap_file (anonymous memory, a memfd's, or
 * what can be written and executed at once), file_mprotect (the same, and the private copy of a file's page).
 */
#ifndef STOCKADE_MEMORY_HOOKS_H
#define STOCKADE_MEMORY_HOOKS_H

#include "exec_hooks.bpf.h"
#include "kernel.bpf.h"

#define PROT_WRITE 2

/* Not mapped by any name: memfd, System V shared memory, anonymous shared memory. */
static inline bool is_memory(struct file *file)
{
	return is_detached(mapped_place(file).mount);
}

HOOK(mmap_file)
int BPF_PROG(kernel_map, struct file *file, unsigned long protection)
{
	if (!becomes_executable(protection))
		return 0;
	if (file && !(protection & PROT_WRITE) && !is_memory(file))
		return 0;
	return refuse_surface(STOCKADE_SURFACE_EXECUTABLE_MEMORY);
}

HOOK(file_mprotect)
int BPF_PROG(kernel_protect, struct vm_area_struct *area, unsigned long requested, unsigned long protection)
{
	struct file *file = area->vm_file;

	if (!(protection & PROT_EXEC))
		return 0;
	/* Nothing is gained by what is so already. */
	if (area->vm_flags & VM_EXEC && !(protection & PROT_WRITE))
		return 0;
	if (file && !area->anon_vma && !(protection & PROT_WRITE) && !is_memory(file))
		return 0;
	return refuse_surface(STOCKADE_SURFACE_EXECUTABLE_MEMORY);
}

#endif
