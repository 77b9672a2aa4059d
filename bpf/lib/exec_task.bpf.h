/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose an exec is: the container's, its entrypoint's, or the runtime's. */
#ifndef STOCKADE_EXEC_TASK_H
#define STOCKADE_EXEC_TASK_H

#include "lib/kernel_read.bpf.h"
#include "lib/cgroup.bpf.h"
#include "gate/gate.bpf.h"
#include "lib/mark.bpf.h"
#include "gate/sandbox.bpf.h"
#include "lib/strays.bpf.h"

/* The inode number of the runtime's mount namespace. A task in it is the runtime's or the host's. */
const volatile __u32 runtime_mount_namespace;

enum exec_owner {
	EXEC_OF_NOBODY,	   /* the host's or the runtime's, or of a container without a policy */
	EXEC_OF_CONTAINER, /* whose entry is found */
	EXEC_REFUSED,	   /* of a container in which nothing may exec now; `reason` says why */
};

/* Whether the container's first process, parked before its entrypoint, is this task. */
static inline bool is_pending_init(const struct stockade_process *entrypoint, struct task_struct *task)
{
	return entrypoint->tgid == (__u32)KERNEL_READ(task, tgid) &&
	       entrypoint->start_ticks == process_start_ticks(task);
}

/*
 * The runtime's startContainer hooks descend from init before it execs: they are not the container's. Nothing of the
 * container runs before that, so it cannot pose as one.
 */
static inline bool is_runtime_hook(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_process *entrypoint = bpf_map_lookup_elem(&entrypoints, &cgroup_id);

	if (!entrypoint)
		return false;
	for (int depth = 0; depth < HOOK_DEPTH_MAX; depth++) {
		task = KERNEL_READ(task, real_parent);
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
	struct dentry *root = KERNEL_READ(task, fs, root.dentry);

	for (int depth = 0; depth < HOOK_DEPTH_MAX; depth++) {
		task = KERNEL_READ(task, real_parent);
		if (task_mount_namespace(task) == runtime_mount_namespace)
			return KERNEL_READ(task, fs, root.dentry) == root;
	}
	return false;
}

/* Whether a hook or the container's init started the task. The runtime itself starts init. */
static inline bool is_started_by_hook(struct task_struct *task)
{
	__u32 namespace = task_mount_namespace(KERNEL_READ(task, real_parent));

	return namespace && namespace != runtime_mount_namespace;
}

/* Whether a task without a mark is a hook's behind a gate, and has the container's root. */
static inline bool is_hook_behind_gate(struct task_struct *task, struct stockade_container *container)
{
	return task_mount_namespace(task) != runtime_mount_namespace && task_container(task, container) &&
	       container->state == STOCKADE_GATE && is_started_by_hook(task) && !is_before_its_root(task);
}

/* Whether this exec is the entrypoint's. */
static inline bool is_entrypoint(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_process *entrypoint = bpf_map_lookup_elem(&entrypoints, &cgroup_id);

	return entrypoint && is_pending_init(entrypoint, task);
}

/* The exception for an exec that is still before the load, and may fail. */
static inline enum exec_exception exception_ahead(struct task_struct *task, const struct stockade_mark *mark,
						  __u64 cgroup_id)
{
	if (is_entrypoint(task, cgroup_id))
		return EXCEPT_ENTRYPOINT;
	if (mark && mark->entrypoint_exec == (KERNEL_READ(task, self_exec_id) | STOCKADE_RUNS_ENV))
		return EXCEPT_RUN_BY_ENV;
	return EXCEPT_NOTHING;
}

/*
 * Uses up the exception for the entrypoint, which one exec of a container has, since the element in `entrypoints` is
 * deleted. Then the one for what the image's env starts, which is that task's very next exec. The mark remembers which
 * exec it was, for another program that judges the same exec. At the task's next exec self_exec_id is greater by one.
 */
static inline enum exec_exception use_up_exception(struct task_struct *task, struct stockade_mark *mark)
{
	__u64 exec = KERNEL_READ(task, self_exec_id), excepted = mark->entrypoint_exec;

	if (exec && (excepted & ~STOCKADE_RUNS_ENV) == exec)
		return EXCEPT_ENTRYPOINT;
	if (exec && excepted == ((exec - 1) | STOCKADE_RUNS_ENV))
		mark->entrypoint_exec = excepted = exec | STOCKADE_RUN_BY_ENV;
	if (excepted == (exec | STOCKADE_RUN_BY_ENV))
		return EXCEPT_RUN_BY_ENV;
	if (!is_entrypoint(task, mark->cgroup_id) || bpf_map_delete_elem(&entrypoints, &mark->cgroup_id))
		return EXCEPT_NOTHING;
	mark->entrypoint_exec = exec;
	return EXCEPT_ENTRYPOINT;
}

/* A task without a mark is the runtime's or the host's, or becomes a container's by this exec. */
static inline enum exec_owner owner_of_unmarked(struct task_struct *task, struct linux_binprm *binary,
						struct stockade_container *container)
{
	struct cgroup_search search = {};

	if (task_mount_namespace(task) == runtime_mount_namespace)
		return EXEC_OF_NOBODY;
	search_cgroups(task, &search);
	*container = search.container;
	/* First, so that the sandbox is known even if the exec would be let through for another reason. */
	if (search.gate && starts_sandbox(task, &search)) {
		container->state = STOCKADE_OPEN;
		return EXEC_OF_NOBODY;
	}
	if (search.opened)
		count_let_through();
	if (!search.found)
		return EXEC_OF_NOBODY;
	if (container->state == STOCKADE_GATE &&
	    (is_before_its_root(task) || (binary && is_started_by_hook(task) && gate_lets_through(task, binary))))
		return EXEC_OF_NOBODY;
	if (container->state != STOCKADE_OPEN)
		return EXEC_REFUSED;
	if (!container->revision || is_runtime_hook(task, container->cgroup_id))
		return EXEC_OF_NOBODY;
	return EXEC_OF_CONTAINER;
}

/* The exec of a task that is bound to a container is that container's, wherever the task is now. */
static inline enum exec_owner owner_of_bound(__u64 cgroup_id, struct stockade_container *container,
					     enum stockade_reason *reason)
{
	container->cgroup_id = cgroup_id;
	if (!container_get(cgroup_id, container)) {
		*reason = STOCKADE_POLICY_GONE;
		return EXEC_REFUSED;
	}
	if (container->state != STOCKADE_OPEN)
		return EXEC_REFUSED;
	/* The container has no policy any more, and was let go. */
	return container->revision ? EXEC_OF_CONTAINER : EXEC_OF_NOBODY;
}

static inline enum exec_owner exec_owner(struct task_struct *task, const struct stockade_mark *mark,
					 struct linux_binprm *binary, struct stockade_container *container,
					 enum stockade_reason *reason)
{
	/* A child that there was no memory to mark is remembered all the same. */
	__u64 cgroup_id = mark ? mark->cgroup_id : stray_of(task);

	*reason = STOCKADE_NOT_OPEN;
	return cgroup_id ? owner_of_bound(cgroup_id, container, reason) : owner_of_unmarked(task, binary, container);
}

#endif
