// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Follows the cgroups of pods that have a gate. The hook cgroup_mkdir tells which cgroup is the pod's sandbox's. The
 * hooks cgroup_notify_populated and cgroup_rmdir tell that the sandbox is over. The last one also removes the entries
 * of cgroups that are gone. The kernel calls all three hooks with interrupts off, so none of the programs is ever
 * skipped.
 */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "lib/cgroup.bpf.h"
#include "gate/node_gate.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static inline __u64 cgroup_id(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, kn, id);
}

/*
 * The id of the cgroup that holds this cgroup. 0: this cgroup is a root, or is in another hierarchy than the one in
 * which containers are found.
 */
static inline __u64 parent_id(struct cgroup *cgroup)
{
	int level = BPF_CORE_READ(cgroup, level);

	if (level < 1 || BPF_CORE_READ(cgroup, root) != BPF_CORE_READ(task_cgroup(bpf_get_current_task_btf()), root))
		return 0;
	return ancestor_id(cgroup, level - 1);
}

/*
 * If a pod has no sandbox, the first cgroup that is made in the pod's cgroup is the next sandbox's. A cgroup that is
 * made in a parent of the node gate is a pod's.
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

/* Ends the claim of a cgroup in which no process is left, if that cgroup was the sandbox's. */
static inline void end_sandbox(__u64 pod_id, __u64 child_id)
{
	struct stockade_sandbox *sandbox = bpf_map_lookup_elem(&sandboxes, &pod_id);

	if (!sandbox)
		return;
	/*
	 * Each field is cleared only if it has this cgroup's id. Another CPU may have cleared it meanwhile, and a third
	 * one may have made the next sandbox's cgroup. `bound` comes first, since the cgroup that becomes the first
	 * child must find `bound` cleared.
	 */
	__sync_val_compare_and_swap(&sandbox->bound, child_id, 0);
	__sync_val_compare_and_swap(&sandbox->first_child, child_id, 0);
}

/* A pod that is older than its gate may have an unknown sandbox. Once no process is in the pod, that sandbox is over.
 */
static inline void end_unknown(struct cgroup *pod)
{
	__u64 pod_id = cgroup_id(pod);
	struct stockade_sandbox *sandbox = bpf_map_lookup_elem(&sandboxes, &pod_id);

	if (sandbox)
		__sync_val_compare_and_swap(&sandbox->first_child, STOCKADE_SANDBOX_UNKNOWN, 0);
}

/* When a shim is killed, some cgroups stay behind empty. */
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

/*
 * Forgets a container that was let through without a policy. Of any other container the daemon removes more than the
 * entry.
 */
static inline void forget_container(__u64 id)
{
	struct stockade_container container = {};

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
	/* The gate may be missing although the sandbox is there: whoever writes or removes both can be ended in
	 * between. */
	bpf_map_delete_elem(&sandboxes, &id);
	end_sandbox(pod_id, id);
	return 0;
}
