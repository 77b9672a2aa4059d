/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a task stands in the cgroup hierarchy and among the mount namespaces. The field cgroup.ancestors is there since
 * Linux 6.1.
 */
#ifndef STOCKADE_CGROUP_H
#define STOCKADE_CGROUP_H

#include "lib/kernel_read.bpf.h"
#include "lib/maps.bpf.h"

/* The id of the cgroup's ancestor at a level; the root is at level 0. */
static inline __u64 ancestor_id(struct cgroup *cgroup, __u32 level)
{
	struct cgroup *ancestor = NULL;
	char *ancestors = (char *)cgroup + bpf_core_field_offset(struct cgroup, ancestors);

	bpf_probe_read_kernel(&ancestor, sizeof(ancestor), ancestors + level * sizeof(ancestor));
	return KERNEL_READ(ancestor, kn, id);
}

/* 1: this node has no cgroup v2, so containers are found in the v1 hierarchy of the controller pids. */
const volatile __u32 cgroup_v1;

/* The task's cgroup in the hierarchy in which containers are found. */
static inline struct cgroup *task_cgroup(struct task_struct *task)
{
	struct css_set *set = KERNEL_READ(task, cgroups);
	struct cgroup_subsys_state *state = NULL;
	__u32 offset;

	if (!cgroup_v1 || !bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		return KERNEL_READ(set, dfl_cgrp);
	offset = bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id) * sizeof(state);
	bpf_probe_read_kernel(&state, sizeof(state), (char *)set + bpf_core_field_offset(set->subsys) + offset);
	return KERNEL_READ(state, cgroup);
}

/* Whether the task is in this very cgroup. False where the answer takes longer than a few reads. */
static inline bool task_is_in(struct task_struct *task, __u64 cgroup_id)
{
	return !cgroup_v1 && KERNEL_READ(task, cgroups, dfl_cgrp, kn, id) == cgroup_id;
}

struct ancestor_search {
	struct cgroup *cgroup;
	__u64 cgroup_id;
	__s32 level;
	bool found;
};

static long ancestor_level(__u32 level, void *context)
{
	struct ancestor_search *search = context;

	if ((__s32)level > search->level)
		return 1;
	search->found = ancestor_id(search->cgroup, level) == search->cgroup_id;
	return search->found;
}

/*
 * Whether the task is in the cgroup or below it. The search goes from the root down, since the cgroups of containers
 * are among the first levels, however deep the task is.
 */
static inline bool task_is_below(struct task_struct *task, __u64 cgroup_id)
{
	struct cgroup *cgroup = task_cgroup(task);
	struct ancestor_search search = {
		.cgroup = cgroup,
		.cgroup_id = cgroup_id,
		.level = KERNEL_READ(cgroup, level),
	};

	bpf_loop(STOCKADE_CGROUP_LEVELS_MAX + 1, ancestor_level, &search, 0);
	return search.found;
}

struct cgroup_search {
	struct cgroup *cgroup;
	__s32 level;
	bool found;
	__u32 gate; /* enum stockade_gate_state of the cgroup pod_id; 0: no gate was found before a container */
	__u64 pod_id;
	__u64 child_id; /* the cgroup directly in pod_id in which, or below which, the task is; 0: the task is in pod_id
			 */
	struct stockade_container container;
	bool opened; /* the gate would hold the task back, but somebody has opened all gates */
};

/* Looks at one cgroup. Returns 1 to end the search. */
static long search_level(__u32 step, void *context)
{
	struct cgroup_search *search = context;
	__u64 id;

	if (search->level < 0)
		return 1;
	id = ancestor_id(search->cgroup, search->level);
	search->found = container_get(id, &search->container);
	if (search->found)
		return 1;
	search->gate = gate_get(id);
	if (search->gate) {
		search->pod_id = id;
		return 1;
	}
	search->child_id = id;
	search->level -= 1;
	return 0;
}

/* Whether the task is in the cgroup of the pod's sandbox, whose process is known. */
static inline bool is_sandbox(const struct cgroup_search *search)
{
	const struct stockade_sandbox *sandbox = bpf_map_lookup_elem(&sandboxes, &search->pod_id);

	return sandbox && search->child_id && sandbox->bound == search->child_id;
}

/*
 * Finds the deepest container or gate among the task's cgroup and the cgroups above it. If a gate lets the task pass,
 * nothing is found. A cgroup that a container makes below its own is never taken for a pod, because the table has pods
 * by their id.
 */
static inline void search_cgroups(struct task_struct *task, struct cgroup_search *search)
{
	struct cgroup *cgroup = task_cgroup(task);

	search->cgroup = cgroup;
	search->level = KERNEL_READ(cgroup, level);
	/* No container is deeper than this level, so the search begins there. */
	if (search->level > STOCKADE_CGROUP_LEVELS_MAX)
		search->level = STOCKADE_CGROUP_LEVELS_MAX;
	bpf_loop(STOCKADE_CGROUP_LEVELS_MAX + 1, search_level, search, 0);
	if (!search->gate || search->gate == STOCKADE_GATE_FREE || search->gate == STOCKADE_GATE_NEW_PARENT ||
	    is_sandbox(search))
		return;
	search->opened = gates_are_open();
	if (search->opened)
		return;
	search->found = true;
	search->container.cgroup_id = search->pod_id;
	search->container.state = STOCKADE_GATE;
}

/* The container or the gate that holds the task. False: there is none. */
static inline bool task_container(struct task_struct *task, struct stockade_container *container)
{
	struct cgroup_search search = {};

	search_cgroups(task, &search);
	*container = search.container;
	return search.found;
}

/* The inode number of the task's mount namespace. 0: the task is exiting and has none. */
static inline __u32 task_mount_namespace(struct task_struct *task)
{
	return KERNEL_READ(task, nsproxy, mnt_ns, ns.inum);
}

#endif
