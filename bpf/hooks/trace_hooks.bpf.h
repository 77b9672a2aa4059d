/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who may trace whom. Hooks:
 *   ptrace_access_check   ptrace, process_vm_*, pidfd_getfd and /proc/PID/mem of another process; to read only: root,
 *                         cwd, exe, fd, environ, maps and the like of /proc/PID
 *   file_open             (open_hooks.bpf.h) those of these files for which the kernel does not ask the first hook
 *   file_receive          (open_hooks.bpf.h) /proc/PID/mem that can be written, and that another task passes
 *   ptrace_traceme        a process that lets its parent trace it
 *
 * Beside `ptrace` and `executableMemory` of the `kernel` section, two things are refused. Tasks of other containers may
 * not trace the processes of a confined container, unless its profile allows them to. No marked task may trace the
 * daemon.
 */
#ifndef STOCKADE_TRACE_HOOKS_H
#define STOCKADE_TRACE_HOOKS_H

#include "hooks/kernel.bpf.h"
#include "lib/descriptor.bpf.h"
#include "lib/proc.bpf.h"
#include "hooks/protect.bpf.h"

/*
 * Whether the current task is in another container than the target. An unmarked task is in a container if its cgroup
 * has an entry. The runtime's own tasks are known by their mount namespace, as everywhere.
 */
static inline bool is_other_container(const struct stockade_mark *mark, __u64 target_id,
				      struct stockade_container *container)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (mark) {
		container->cgroup_id = mark->cgroup_id;
		container_get(mark->cgroup_id, container);
	} else if (task_mount_namespace(task) == runtime_mount_namespace || !task_container(task, container)) {
		return false;
	}
	return container->cgroup_id != target_id;
}

/* What the target's policy says of tasks of other containers. A policy that is gone allows nothing. */
static inline __u32 effect_of_target(__u64 target_id)
{
	struct stockade_container target = {.cgroup_id = target_id};
	struct policy_summary policy;

	if (!container_get(target_id, &target) || !policy_summary_get(&target, &policy))
		return STOCKADE_REFUSED;
	return effect_on_others(&policy);
}

/* Not 0: the target belongs to a container that the current task may not trace. */
__noinline int trace_is_refused(__u64 target_id, __u32 target_pid, __u32 mode)
{
	struct attempt attempt = {
		.kind = STOCKADE_EVENT_TRACE,
		.reason = STOCKADE_PROTECTION,
		.target_id = target_id,
		.target_pid = target_pid,
	};
	struct stockade_container container = {};

	if (!is_other_container(mark_of(bpf_get_current_task_btf()), target_id, &container))
		return 0;
	attempt.effect = effect_of_target(target_id);
	if (attempt.effect && !(mode & PTRACE_MODE_NOAUDIT))
		report_attempt(&container, &attempt);
	return attempt.effect == STOCKADE_REFUSED;
}

HOOK(ptrace_access_check)
int BPF_PROG(trace_access, struct task_struct *child, unsigned int mode)
{
	struct stockade_mark *target = mark_of(child);

	if (target && trace_is_refused(target->cgroup_id, child->tgid, mode))
		return -EPERM;
	if (daemon_is_refused(child->tgid, BPF_CORE_READ(child, group_leader, start_boottime),
			      mode & PTRACE_MODE_NOAUDIT))
		return -EPERM;
	return judge_surface(surface_of_trace(mode));
}

/*
 * Not 0: the current task may not see the memory of the target, which is a kernel pointer to a task. The target's
 * container is found by its cgroup.
 */
__noinline int memory_is_refused(__u64 target)
{
	struct task_struct *task = (struct task_struct *)target;
	struct stockade_container container = {};
	__u32 tgid = BPF_CORE_READ(task, tgid);

	if (task_container(task, &container) && container.revision && trace_is_refused(container.cgroup_id, tgid, 0))
		return 1;
	return daemon_is_refused(tgid, BPF_CORE_READ(task, group_leader, start_boottime), false);
}

/*
 * /proc/PID/mem that can be written, whosoever's it is: writes to it go into code too. Of its own memory the kernel
 * asks a process nothing else.
 */
static inline bool writes_memory(struct file *file)
{
	return file->f_mode & FMODE_WRITE && file->f_inode->i_sb->s_magic == PROC_MAGIC &&
	       is_memory_file(file->f_path.dentry) && is_of_process(file->f_inode);
}

static inline int trace_opened(struct file *file)
{
	struct task_struct *target;

	if (writes_memory(file))
		return judge_surface(STOCKADE_SURFACE_EXECUTABLE_MEMORY);
	if (file->f_inode->i_sb->s_magic != PROC_MAGIC || !shows_memory(file->f_path.dentry))
		return 0;
	target = task_of_file(file->f_inode);
	return target && memory_is_refused((__u64)target) ? -EPERM : 0;
}

static inline int trace_received(struct file *file)
{
	return judge_surface(writes_memory(file) ? STOCKADE_SURFACE_EXECUTABLE_MEMORY : 0);
}

HOOK(ptrace_traceme)
int BPF_PROG(trace_me, struct task_struct *parent)
{
	return judge_surface(SURFACES_OF_TRACE);
}

#endif
