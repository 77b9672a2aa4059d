/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who may trace whom. Hooks: ptrace_access_check (ptrace, process_vm_*, pidfd_getfd and /proc/PID/mem of another
 * process; to read only: root, cwd, exe, fd, environ, maps and the like of /proc/PID), file_open (of those, what the
 * first is not asked for), ptrace_traceme.
 *
 * Beside `ptrace` of the `kernel` section: a confined container's processes are kept from other containers' tasks
 * unless its profile allows them, and the daemon's from every marked task.
 */
#ifndef STOCKADE_TRACE_HOOKS_H
#define STOCKADE_TRACE_HOOKS_H

#include "kernel.bpf.h"
#include "proc.bpf.h"
#include "protect.bpf.h"

/* Of include/linux/ptrace.h. */
#define PTRACE_MODE_ATTACH  2
#define PTRACE_MODE_NOAUDIT 4 /* nobody asked: a field of /proc is left empty where it is not allowed */

/*
 * The container that the current task is in, if that is another than the target's. An unmarked task counts where its
 * cgroup has an entry; the runtime's own are told by their mount namespace, as everywhere.
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

/* What the target's policy says of other containers; a policy that is gone allows nothing. */
static inline enum stockade_effect effect_on_others(__u64 target_id)
{
	struct stockade_container target = {.cgroup_id = target_id};
	const struct stockade_policy *policy;

	if (!container_get(target_id, &target))
		return STOCKADE_REFUSED;
	policy = policy_of(&target);
	if (!policy)
		return STOCKADE_REFUSED;
	if (policy->flags & STOCKADE_OTHER_CONTAINERS)
		return 0;
	return policy->flags & STOCKADE_AUDIT_OTHER_CONTAINERS ? STOCKADE_AUDITED : STOCKADE_REFUSED;
}

/* Not 0: the target belongs to a container that keeps the current task's away. */
__noinline int trace_is_refused(__u64 target_id, __u32 target_pid, __u32 mode)
{
	struct kernel_act act = {
		.kind = STOCKADE_EVENT_TRACE,
		.reason = STOCKADE_PROTECTION,
		.target_id = target_id,
		.target_pid = target_pid,
	};
	struct stockade_container container = {};

	if (!is_other_container(mark_of(bpf_get_current_task_btf()), target_id, &container))
		return 0;
	act.effect = effect_on_others(target_id);
	if (act.effect && !(mode & PTRACE_MODE_NOAUDIT))
		report_act(&container, &act);
	return act.effect == STOCKADE_REFUSED;
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
	return mode & PTRACE_MODE_ATTACH ? refuse_surface(STOCKADE_SURFACE_PTRACE) : 0;
}

/* Not 0: the process is one whose memory the current task may not see. It is looked for by its cgroup. */
__noinline int memory_is_refused(__u64 target)
{
	struct task_struct *task = (struct task_struct *)target;
	struct stockade_container container = {};
	__u32 tgid = BPF_CORE_READ(task, tgid);

	if (task_container(task, &container) && container.revision && trace_is_refused(container.cgroup_id, tgid, 0))
		return 1;
	return daemon_is_refused(tgid, BPF_CORE_READ(task, group_leader, start_boottime), false);
}

HOOK(file_open)
int BPF_PROG(trace_open, struct file *file)
{
	struct task_struct *target;

	if (file->f_inode->i_sb->s_magic != PROC_MAGIC || !shows_memory(file->f_path.dentry))
		return 0;
	target = task_of_file(file->f_inode);
	return target && memory_is_refused((__u64)target) ? -EPERM : 0;
}

HOOK(ptrace_traceme)
int BPF_PROG(trace_me, struct task_struct *parent)
{
	return refuse_surface(STOCKADE_SURFACE_PTRACE);
}

#endif
