/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Refuses what may not be executed: a program, and each interpreter that it names, before the kernel loads it; and a
 * file that is mapped as code without an exec. Later in the exec, exec_bind.bpf.h sets the mark and judges arguments.
 */
#ifndef STOCKADE_EXEC_HOOKS_H
#define STOCKADE_EXEC_HOOKS_H

#include "decide/kernel_decide.bpf.h"
#include "report/exec_events.bpf.h"
#include "lib/exec_task.bpf.h"
#include "hooks/hook.bpf.h"

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
enum outcome {
	OUTCOME_PASS,
	OUTCOME_REFUSED,
	OUTCOME_POLICY_GONE,
	OUTCOME_NEXT_PATH, /* it passes by this path, and has another one */
};

/* Reports the judgement if its policy is still there. */
static inline enum outcome report_outcome(enum stockade_event_kind kind, const struct stockade_container *container,
					  struct scratch *scratch, __u32 path)
{
	bool blocks;

	if (!policy_stands(container))
		return OUTCOME_POLICY_GONE;
	judgement_soften(&scratch->judgement, container);
	blocks = scratch->judgement.action == STOCKADE_BLOCK;
	if (scratch->judgement.action != STOCKADE_ALLOW)
		report_image(kind, container, blocks ? STOCKADE_REFUSED : STOCKADE_AUDITED, scratch, NULL);
	if (blocks)
		return OUTCOME_REFUSED;
	return has_path_after(&scratch->image, path) ? OUTCOME_NEXT_PATH : OUTCOME_PASS;
}

static __always_inline struct place executable_place(const struct executable *executable)
{
	struct file *file = (struct file *)executable->file;

	return executable->kind == STOCKADE_EVENT_MAP ? mapped_place(file) : opened_place(file);
}

/*
 * Remembers that a rule let a file through which has argument rules. They are judged when nobody can change the
 * arguments any more. If the file is a script, it is gone by then. False: it cannot be remembered.
 */
static inline bool remember_rule(const struct executable *executable, const struct stockade_container *container,
				 const struct stockade_verdict *verdict)
{
	struct stockade_script_rules *rules =
		bpf_task_storage_get(&script_rules, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u32 at;

	if (!rules) {
		count(STOCKADE_MARK_FAILED);
		return false;
	}
	at = rules->count;
	/* The kernel gives up before that. */
	if (at >= STOCKADE_SCRIPT_RULES_MAX)
		return false;
	rules->rule[at] = (struct stockade_script_rule){
		.revision = container->revision,
		.rule = verdict->rule,
		.arguments = verdict->arguments,
		.argument_count = executable->arguments,
		.action = verdict->action,
	};
	rules->count = at + 1;
	return true;
}

/* What an earlier exec of the task left that failed. */
static inline void forget_failed_exec(struct task_struct *task)
{
	struct stockade_script_rules *rules = bpf_task_storage_get(&script_rules, task, NULL, 0);

	if (rules)
		rules->count = 0;
}

static inline enum outcome judge_place(const struct executable *executable, const struct stockade_container *container,
				       const struct stockade_policy *policy, struct scratch *scratch)
{
	image_identify(scratch, executable_place(executable), container, executable->path);
	if (executable->kind == STOCKADE_EVENT_EXEC)
		judge_exec(scratch, policy, executable->exception, EXEC_FILE, NULL);
	else
		judge_mapping(scratch, policy);
	return report_outcome(executable->kind, container, scratch, executable->path);
}

/* Returns enum outcome. The function is global, so the verifier checks it once in each object. */
__noinline int executable_judged(const struct executable *executable, const struct stockade_container *of)
{
	struct stockade_container container; /* on the stack: before Linux 6.2 no key of a map is anywhere else */
	const struct stockade_policy *policy;
	struct stockade_verdict rule;
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
	rule = scratch->found.path[0];
	scratch_release(scratch);
	if (executable->kind != STOCKADE_EVENT_EXEC || !rule.arguments ||
	    (verdict != OUTCOME_PASS && verdict != OUTCOME_NEXT_PATH))
		return verdict;
	if (remember_rule(executable, &container, &rule))
		return verdict;
	report_unjudged(executable->kind, &container, STOCKADE_INTERNAL, STOCKADE_REFUSED);
	return OUTCOME_REFUSED;
}

static __always_inline int judge_executable(struct executable *executable, const struct stockade_container *container)
{
	int verdict = OUTCOME_NEXT_PATH;

	for (; executable->path < STOCKADE_FILE_PATHS_MAX && verdict == OUTCOME_NEXT_PATH; executable->path++) {
		verdict = OUTCOME_POLICY_GONE;
		for (int attempt = 0; attempt < JUDGE_ATTEMPTS && verdict == OUTCOME_POLICY_GONE; attempt++)
			verdict = executable_judged(executable, container);
	}
	if (verdict == OUTCOME_POLICY_GONE)
		report_unjudged(executable->kind, container, STOCKADE_INTERNAL, STOCKADE_REFUSED);
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
	struct executable executable = {
		.file = (__u64)binary->file,
		.kind = STOCKADE_EVENT_EXEC,
		.stage = EXEC_FILE,
		.arguments = binary->argc,
	};
	enum stockade_reason reason;
	enum exec_owner owner;

	/* The first file of an exec: for each interpreter the kernel makes a new name. */
	if (binary->interp == binary->filename)
		forget_failed_exec(task);
	owner = exec_owner(task, mark, binary, &container, &reason);
	if (owner == EXEC_OF_NOBODY)
		return 0;
	if (owner == EXEC_REFUSED && reason == STOCKADE_NOT_OPEN)
		return refuse_not_open(STOCKADE_EVENT_EXEC, &container, binary->file);
	if (owner == EXEC_REFUSED)
		return refuse_unjudged(STOCKADE_EVENT_EXEC, &container, reason);
	if (!mark && !remember_pending(task, container.cgroup_id))
		return refuse_unjudged(STOCKADE_EVENT_EXEC, &container, STOCKADE_INTERNAL);
	executable.exception = exception_ahead(task, mark, container.cgroup_id);
	return judge_executable(&executable, &container);
}

/* The container whose task maps a file. During an exec it is the one that the task is about to belong to. */
static inline bool mapping_container(const struct stockade_mark *mark, struct file *file,
				     struct stockade_container *container)
{
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
	if (!is_hook_behind_gate(task, container) || KERNEL_READ(task, mm, exe_file, f_inode) == file->f_inode)
		return 0;
	return refuse_not_open(STOCKADE_EVENT_MAP, container, file);
}

/*
 * Whether the kernel maps the program that the task executes, or mapped it when it loaded the program. A file that the
 * process opened itself, such as /proc/self/exe, is another one.
 */
static inline bool is_own_program(struct task_struct *task, struct file *file)
{
	/* overlayfs maps the file of its layer, so the dentries tell. */
	return file->f_flags & FMODE_EXEC_OPEN &&
	       mapped_place(file).dentry == KERNEL_READ(task, mm, exe_file, f_path.dentry);
}

/* `mark`: the task's own, which may only say whose the task is about to become; NULL: it has none. */
static inline int judge_mapped(struct task_struct *task, const struct stockade_mark *mark, struct file *file)
{
	struct stockade_container container = {};
	struct executable executable = {.file = (__u64)file, .kind = STOCKADE_EVENT_MAP, .stage = EXEC_FILE};

	if (!mark)
		return judge_hooks_mapping(task, file, &container);
	if (!mapping_container(mark, file, &container) || !container.revision)
		return 0;
	/* The program itself was judged when it was executed. */
	if (is_own_program(task, file))
		return 0;
	return judge_executable(&executable, &container);
}

static inline bool becomes_executable(struct task_struct *task, unsigned long protection)
{
	return protection & PROT_EXEC || (protection & PROT_READ && task->personality & READ_IMPLIES_EXEC);
}

#endif
