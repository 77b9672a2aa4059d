// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Follows the cgroups of pods that have a gate. Hooks: cgroup_mkdir (which cgroup is the pod's sandbox's),
 * cgroup_notify_populated and cgroup_rmdir (the sandbox is over; nothing is left in the tables of what is gone). The
 * kernel calls all of them with interrupts off, so none of the programs is ever skipped.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "cgroup.bpf.h"
#include "node_gate.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static inline __u64 cgroup_id(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, kn, id);
}

/* The id of the cgroup that it lies in; 0: it is a root, or of another hierarchy than containers are found in. */
static inline __u64 parent_id(struct cgroup *cgroup)
{
	int level = BPF_CORE_READ(cgroup, level);

	if (level < 1 || BPF_CORE_READ(cgroup, root) != BPF_CORE_READ(task_cgroup(bpf_get_current_task_btf()), root))
		return 0;
	return ancestor_id(cgroup, level - 1);
}

/*
 * The first cgroup that is made in a pod's, when there is no sandbox, is the next sandbox's. What is made in a parent
 * of the node gate is a pod.
 */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(pods_mkdir, struct cgroup *cgroup, const char *path)
{
	__u64 outer_id = parent_id(cgroup), id = cgroup_id(cgroup);
	struct stockade_sandbox *sandbox;

	if (!outer_id)
		return 0;
	sandbox = bpf_map_lookup_elem(&sandboxes, &outer_id);
	if (sandbox)
		__sync_val_compare_and_swap(&sandbox->first_child, 0, id);
	else if (is_gate_parent(path))
		set_gate(id, STOCKADE_GATE_PARENT);
	else if (has_pods(outer_id))
		enter_pod(cgroup, id);
	return 0;
}

/* No process is left in a cgroup of a pod. */
static inline void end_sandbox(__u64 pod_id, __u64 child_id)
{
	struct stockade_sandbox *sandbox = bpf_map_lookup_elem(&sandboxes, &pod_id);

	if (!sandbox)
		return;
	/* By what they are: meanwhile another CPU may have done the same, and a third made the next sandbox's cgroup.
	 * `bound` first: what becomes the first must find it so. */
	__sync_val_compare_and_swap(&sandbox->bound, child_id, 0);
	__sync_val_compare_and_swap(&sandbox->first_child, child_id, 0);
}

/* A pod that is older than its gate may have a sandbox that nobody knows, until nothing lies in it. */
static inline void end_unknown(struct cgroup *pod)
{
	__u64 pod_id = cgroup_id(pod);
	struct stockade_sandbox *sandbox = bpf_map_lookup_elem(&sandboxes, &pod_id);

	if (sandbox)
		__sync_val_compare_and_swap(&sandbox->first_child, STOCKADE_SANDBOX_UNKNOWN, 0);
}

/* Some cgroups are left behind empty, when a shim is killed. */
SEC("tp_btf/cgroup_notify_populated")
int BPF_PROG(pods_populated, struct cgroup *cgroup, const char *path, int populated)
{
	__u64 pod_id = parent_id(cgroup);

	if (populated || !pod_id)
		return 0;
	end_sandbox(pod_id, cgroup_id(cgroup));
	end_unknown(cgroup);
	return 0;
}

/* What was let through without a policy is forgotten with its cgroup; of others the daemon has more to take away. */
static inline void forget_container(__u64 id)
{
	struct stockade_container container;

	if (container_get(id, &container) && container.state == STOCKADE_OPEN && !container.revision)
		bpf_map_delete_elem(&containers, &id);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(pods_rmdir, struct cgroup *cgroup, const char *path)
{
	__u64 pod_id = parent_id(cgroup), id = cgroup_id(cgroup);

	if (!pod_id)
		return 0;
	forget_container(id);
	if (!bpf_map_delete_elem(&gates, &id))
		bpf_map_delete_elem(&rate, &id);
	/* Its other half may be missing: who writes both, or removes both, can be ended between them. */
	bpf_map_delete_elem(&sandboxes, &id);
	end_sandbox(pod_id, id);
	return 0;
}
