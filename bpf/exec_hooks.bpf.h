/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Refuses what may not be executed: a program, and each interpreter that it names, before the kernel loads it; and a
 * file that is mapped as code without an exec. Later in the exec, exec_bind.bpf.h sets the mark and judges arguments.
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

static inline int refuse_not_open(enum stockade_event_kind kind, const struct stockade_container *container,
				  struct file *file)
{
	struct executable executable = {.file = (__u64)file, .kind = kind};

	report_not_open(&executable, container, STOCKADE_REFUSED);
	return -EACCES;
}

/* The outcome of a judgement. Not 0: the file is refused, or has to be judged anew. */
enum outcome { OUTCOME_PASS, OUTCOME_REFUSED, OUTCOME_POLICY_GONE };

/* Reports the judgement if its policy is still there. */
static inline enum outcome carry_out(enum stockade_event_kind kind, const struct stockade_container *container,
				     struct scratch *scratch)
{
	bool blocks = scratch->judgement.action == STOCKADE_BLOCK;

	if (!policy_stands(container))
		return OUTCOME_POLICY_GONE;
	if (scratch->judgement.action != STOCKADE_ALLOW)
		report_image(kind, container, blocks ? STOCKADE_REFUSED : STOCKADE_AUDITED, scratch, NULL);
	return blocks ? OUTCOME_REFUSED : OUTCOME_PASS;
}

static __always_inline struct place executable_place(const struct executable *executable)
{
	struct file *file = (struct file *)executable->file;

	return executable->kind == STOCKADE_EVENT_MAP ? mapped_place(file) : opened_place(file);
}

static inline enum outcome judge_place(const struct executable *executable, const struct stockade_container *container,
				       const struct stockade_policy *policy, struct scratch *scratch)
{
	image_identify(scratch, executable_place(executable), container->root_device);
	if (executable->kind == STOCKADE_EVENT_EXEC)
		judge_exec(scratch, policy, executable->entrypoint, EXEC_FILE, NULL);
	else
		judge_mapping(scratch, policy);
	return carry_out(executable->kind, container, scratch);
}

/* Returns enum outcome. The function is global, so the verifier checks it once in each object. */
__noinline int executable_judged(const struct executable *executable, const struct stockade_container *of)
{
	struct stockade_container container; /* on the stack: before Linux 6.2 no key of a map is anywhere else */
	const struct stockade_policy *policy;
	struct scratch *scratch;
	enum outcome verdict;

	if (!executable || !of)
		return OUTCOME_REFUSED;
	container = *of;
	policy = policy_of(&container);
	if (policy && !(policy->flags & STOCKADE_HAS_PROCESS))
		return policy_stands(&container) ? OUTCOME_PASS : OUTCOME_POLICY_GONE;
	scratch = policy ? scratch_claim() : NULL;
	if (!scratch) {
		report_unjudged(executable->kind, &container, STOCKADE_INTERNAL, STOCKADE_REFUSED);
		return OUTCOME_REFUSED;
	}
	verdict = judge_place(executable, &container, policy, scratch);
	scratch_release(scratch);
	return verdict;
}

static __always_inline int judge_executable(enum stockade_event_kind kind, struct file *file,
					    const struct stockade_container *container, bool entrypoint)
{
	struct executable executable = {
		.file = (__u64)file,
		.kind = kind,
		.stage = EXEC_FILE,
		.entrypoint = entrypoint,
	};
	int verdict = OUTCOME_POLICY_GONE;

	for (int attempt = 0; attempt < JUDGE_ATTEMPTS && verdict == OUTCOME_POLICY_GONE; attempt++)
		verdict = executable_judged(&executable, container);
	if (verdict == OUTCOME_POLICY_GONE)
		report_unjudged(kind, container, STOCKADE_INTERNAL, STOCKADE_REFUSED);
	return verdict == OUTCOME_PASS ? 0 : -EACCES;
}

/* Remembers whose the task becomes by this exec: its loader is judged before the task has a mark. */
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

/* The kernel calls this once for the program, and once for each interpreter. */
HOOK_NAMED(bprm_check_security, bprm_check)
int BPF_PROG(exec_check, struct linux_binprm *binary)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stockade_mark *mark = mark_of(task);
	struct stockade_container container = {};
	enum stockade_reason reason;
	enum exec_owner owner;

	owner = exec_owner(task, mark, binary, &container, &reason);
	if (owner == EXEC_OF_NOBODY)
		return 0;
	if (owner == EXEC_REFUSED && reason == STOCKADE_NOT_OPEN)
		return refuse_not_open(STOCKADE_EVENT_EXEC, &container, binary->file);
	if (owner == EXEC_REFUSED)
		return refuse_unjudged(STOCKADE_EVENT_EXEC, &container, reason);
	if (!mark && !remember_pending(task, container.cgroup_id))
		return refuse_unjudged(STOCKADE_EVENT_EXEC, &container, STOCKADE_INTERNAL);
	return judge_executable(STOCKADE_EVENT_EXEC, binary->file, &container,
				is_entrypoint(task, container.cgroup_id));
}

/* The container whose task maps a file. During an exec it is the one that the task is about to belong to. */
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
	/* If the container is gone there is no policy, and what still runs may execute nothing anyway. */
	return container_get(container->cgroup_id, container);
}

/*
 * A hook in the container's root may map no code but its own program's. It would find anything else, such as a loader
 * or a library, by a name, and in that root names lead where the image wants.
 */
static inline int judge_hooks_mapping(struct task_struct *task, struct file *file, struct stockade_container *container)
{
	if (!is_hooks_behind_gate(task, container) || BPF_CORE_READ(task, mm, exe_file, f_inode) == file->f_inode)
		return 0;
	return refuse_not_open(STOCKADE_EVENT_MAP, container, file);
}

static inline int judge_mapped(struct file *file)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stockade_container container = {};

	if (!bpf_task_storage_get(&marks, task, NULL, 0))
		return judge_hooks_mapping(task, file, &container);
	if (!mapping_container(task, file, &container) || !container.revision)
		return 0;
	/* The program itself was judged when it was executed. */
	if (file->f_flags & FMODE_EXEC_OPEN && BPF_CORE_READ(task, mm, exe_file) == file)
		return 0;
	return judge_executable(STOCKADE_EVENT_MAP, file, &container, false);
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

/* A mapping that was made to be read becomes executable. */
HOOK(file_mprotect)
int BPF_PROG(exec_protect, struct vm_area_struct *area, unsigned long requested, unsigned long protection)
{
	struct file *file = area->vm_file;

	if (!file || !(protection & PROT_EXEC) || area->vm_flags & VM_EXEC)
		return 0;
	return judge_mapped(file);
}

#endif
