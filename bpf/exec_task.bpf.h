/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose an exec is: the container's, its entrypoint's, or the runtime's. */
#ifndef STOCKADE_EXEC_TASK_H
#define STOCKADE_EXEC_TASK_H

#include "cgroup.bpf.h"
#include "mark.bpf.h"

/* Tasks in it are the runtime's or the host's. Of the kernel's numbering, which differs between kernels. */
const volatile __u32 runtime_mount_namespace;

#define NANOSECONDS_PER_TICK (1000000000ull / 100) /* USER_HZ of /proc, the same on every architecture */
#define HOOK_DEPTH_MAX	     8			   /* a hook that is a script starts programs, which start others */

enum exec_owner {
	EXEC_OF_NOBODY,	   /* the host's or the runtime's, or of a container without a policy */
	EXEC_OF_CONTAINER, /* whose entry is found */
	EXEC_REFUSED,	   /* of a container in which nothing may exec now; `reason` says why */
};

/* Whether the container's first process, parked before its entrypoint, is this task. */
static inline bool is_pending_init(const struct stockade_entrypoint *entrypoint, struct task_struct *task)
{
	return entrypoint->tgid == (__u32)BPF_CORE_READ(task, tgid) &&
	       entrypoint->start_ticks == BPF_CORE_READ(task, group_leader, start_boottime) / NANOSECONDS_PER_TICK;
}

/*
 * The runtime's startContainer hooks descend from init before it execs: they are not the container's. Nothing of the
 * container runs before that, so it cannot pose as one.
 */
static inline bool is_runtime_hook(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_entrypoint *entrypoint = bpf_map_lookup_elem(&entrypoints, &cgroup_id);

	if (!entrypoint)
		return false;
	for (int depth = 0; depth < HOOK_DEPTH_MAX; depth++) {
		task = BPF_CORE_READ(task, real_parent);
		if (is_pending_init(entrypoint, task))
			return true;
	}
	return false;
}

/*
 * The runtime's createContainer hooks run in the container's mount namespace before its root is changed: they still
 * have the root folder of the runtime that started them. What is behind a gate has not run yet, so it cannot pose as
 * one.
 */
static inline bool is_before_its_root(struct task_struct *task)
{
	struct dentry *root = BPF_CORE_READ(task, fs, root.dentry);

	for (int depth = 0; depth < HOOK_DEPTH_MAX; depth++) {
		task = BPF_CORE_READ(task, real_parent);
		if (task_mount_namespace(task) == runtime_mount_namespace)
			return BPF_CORE_READ(task, fs, root.dentry) == root;
	}
	return false;
}

/* Whether this exec is the entrypoint's. */
static inline bool is_entrypoint(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_entrypoint *entrypoint = bpf_map_lookup_elem(&entrypoints, &cgroup_id);

	return entrypoint && is_pending_init(entrypoint, task);
}

/*
 * The same, true for one exec of a container: the element is deleted by whoever gets the exception. The mark keeps it
 * for another program that judges that very exec. Of the task's next exec self_exec_id is greater.
 */
static inline bool take_entrypoint(struct task_struct *task, struct stockade_mark *mark)
{
	__u64 exec = BPF_CORE_READ(task, self_exec_id);

	if (mark->entrypoint_exec == exec)
		return true;
	if (!is_entrypoint(task, mark->cgroup_id) || bpf_map_delete_elem(&entrypoints, &mark->cgroup_id))
		return false;
	mark->entrypoint_exec = exec;
	return true;
}

/* Of a task without a mark: the runtime's, the host's, or one that becomes a container's by this exec. */
static inline enum exec_owner owner_of_unmarked(struct task_struct *task, struct stockade_container *container)
{
	if (task_mount_namespace(task) == runtime_mount_namespace)
		return EXEC_OF_NOBODY;
	if (!task_container(task, container))
		return EXEC_OF_NOBODY;
	if (container->state == STOCKADE_GATE && is_before_its_root(task))
		return EXEC_OF_NOBODY;
	if (container->state != STOCKADE_OPEN)
		return EXEC_REFUSED;
	if (!container->revision || is_runtime_hook(task, container->cgroup_id))
		return EXEC_OF_NOBODY;
	return EXEC_OF_CONTAINER;
}

/* Of a task with a mark: its container's, wherever it is now. */
static inline enum exec_owner owner_of_marked(const struct stockade_mark *mark, struct stockade_container *container,
					      enum stockade_reason *reason)
{
	container->cgroup_id = mark->cgroup_id;
	if (!container_get(mark->cgroup_id, container)) {
		*reason = STOCKADE_POLICY_GONE;
		return EXEC_REFUSED;
	}
	if (container->state != STOCKADE_OPEN)
		return EXEC_REFUSED;
	/* Its policy was taken away, and it was let go. */
	return container->revision ? EXEC_OF_CONTAINER : EXEC_OF_NOBODY;
}

static inline enum exec_owner exec_owner(struct task_struct *task, const struct stockade_mark *mark,
					 struct stockade_container *container, enum stockade_reason *reason)
{
	*reason = STOCKADE_NOT_OPEN;
	return mark ? owner_of_marked(mark, container, reason) : owner_of_unmarked(task, container);
}

#endif
