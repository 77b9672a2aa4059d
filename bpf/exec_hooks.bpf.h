/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Refuses what may not be executed: a program, and each interpreter that it names, before it is loaded; and whatever is
 * mapped to be executed without an exec. exec_bind.bpf.h, later in the exec, sets the mark and judges arguments.
 */
#ifndef STOCKADE_EXEC_HOOKS_H
#define STOCKADE_EXEC_HOOKS_H

#include "exec_events.bpf.h"
#include "exec_task.bpf.h"
#include "hook.bpf.h"

#define PROT_READ	  1
#define PROT_EXEC	  4
#define VM_EXEC		  4
#define READ_IMPLIES_EXEC 0x0400000 /* of personality(2): what is readable becomes executable */
#define FMODE_EXEC_OPEN	  0x20 /* __FMODE_EXEC: the kernel opened the file to execute it; no caller can ask for it */

static inline int refuse_unjudged(enum stockade_event_kind kind, const struct stockade_container *container,
				  enum stockade_reason reason)
{
	report_unjudged(kind, container, reason, STOCKADE_REFUSED);
	return -EACCES;
}

static inline int carry_out(enum stockade_event_kind kind, const struct stockade_container *container,
			    const struct judgement *judgement, const struct image *image)
{
	bool blocks = judgement->action == STOCKADE_BLOCK;

	if (judgement->action == STOCKADE_ALLOW)
		return 0;
	report_image(kind, container, judgement, blocks ? STOCKADE_REFUSED : STOCKADE_AUDITED, image, NULL);
	return blocks ? -EACCES : 0;
}

static __always_inline int judge_executable(enum stockade_event_kind kind, struct place place,
					    struct stockade_container *container, bool entrypoint)
{
	const struct stockade_policy *policy = policy_of(container);
	struct image image = {.slot = scratch_claim()};
	struct judgement judgement = {};
	int verdict;

	if (!policy || image.slot == SCRATCH_SLOTS) {
		verdict = refuse_unjudged(kind, container, STOCKADE_INTERNAL);
	} else if (!(policy->flags & STOCKADE_HAS_PROCESS)) {
		verdict = 0;
	} else {
		image_identify(&image, place, container->root_device);
		if (kind == STOCKADE_EVENT_EXEC)
			judge_exec(&judgement, &image, policy, entrypoint, EXEC_FILE, NULL);
		else
			judge_mapping(&judgement, &image, policy);
		verdict = carry_out(kind, container, &judgement, &image);
	}
	if (image.slot != SCRATCH_SLOTS)
		scratch_release(image.slot);
	return verdict;
}

/* Remembers what a task becomes by the exec that was just allowed to go on: its loader is judged before it is that. */
static inline bool remember_pending(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_mark *mark = bpf_task_storage_get(&marks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!mark) {
		count(STOCKADE_MARK_FAILED);
		return false;
	}
	mark->pending_id = cgroup_id;
	return true;
}

/* Once for the program, and once for each interpreter. */
HOOK_NAMED(bprm_check_security, bprm_check)
int BPF_PROG(exec_check, struct linux_binprm *binary)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stockade_mark *mark = mark_of(task);
	struct stockade_container container = {};
	enum stockade_reason reason;
	enum exec_owner owner;

	owner = exec_owner(task, mark, &container, &reason);
	if (owner == EXEC_OF_NOBODY)
		return 0;
	if (owner == EXEC_REFUSED)
		return refuse_unjudged(STOCKADE_EVENT_EXEC, &container, reason);
	if (!mark && !remember_pending(task, container.cgroup_id))
		return refuse_unjudged(STOCKADE_EVENT_EXEC, &container, STOCKADE_INTERNAL);
	return judge_executable(STOCKADE_EVENT_EXEC, opened_place(binary->file), &container,
				is_entrypoint(task, container.cgroup_id));
}

/* Whose mapping of a file it is: the container's, also in the course of the exec that makes the task a part of it. */
static inline bool mapping_container(struct task_struct *task, struct file *file, struct stockade_container *container)
{
	struct stockade_mark *mark = bpf_task_storage_get(&marks, task, NULL, 0);

	if (!mark)
		return false;
	container->cgroup_id = mark->cgroup_id;
	if (!mark->cgroup_id && file->f_flags & FMODE_EXEC_OPEN)
		container->cgroup_id = mark->pending_id;
	if (!container->cgroup_id)
		return false;
	/* A container that is gone: nobody's policy, and what runs on may execute nothing anyway. */
	return container_get(container->cgroup_id, container);
}

static inline int judge_mapped(struct file *file)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stockade_container container = {};

	if (!mapping_container(task, file, &container) || !container.revision)
		return 0;
	/* The program itself was judged when it was executed. */
	if (file->f_flags & FMODE_EXEC_OPEN && BPF_CORE_READ(task, mm, exe_file) == file)
		return 0;
	return judge_executable(STOCKADE_EVENT_MAP, mapped_place(file), &container, false);
}

static inline bool becomes_executable(unsigned long protection)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (protection & PROT_EXEC)
		return true;
	return protection & PROT_READ && task->personality & READ_IMPLIES_EXEC;
}

HOOK(mmap_file)
int BPF_PROG(exec_map, struct file *file, unsigned long protection)
{
	if (!file || !becomes_executable(protection))
		return 0;
	return judge_mapped(file);
}

/* What was mapped to be read and is made executable. */
HOOK(file_mprotect)
int BPF_PROG(exec_protect, struct vm_area_struct *area, unsigned long requested, unsigned long protection)
{
	struct file *file = area->vm_file;

	if (!file || !(protection & PROT_EXEC) || area->vm_flags & VM_EXEC)
		return 0;
	return judge_mapped(file);
}

#endif
