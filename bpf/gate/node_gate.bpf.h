/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The node gate. In the cgroups where pods are made, every pod's gate is closed when the pod's cgroup is made, whether
 * Stockade runs or not. Only the daemon or an administrator marks a pod as free.
 */
#ifndef STOCKADE_NODE_GATE_H
#define STOCKADE_NODE_GATE_H

#include <bpf/bpf_core_read.h>
#include "lib/maps.bpf.h"

#define CGROUP_NAME_MAX 128 /* a longer name is not that of a pod's cgroup */

/* Path of a cgroup where pods are made -> 1. Writer: whoever closes the node gate. Empty: the node gate is open. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * STOCKADE_GATE_PARENTS_MAX); /* new paths are written before old ones are removed */
	__type(key, struct stockade_cgroup_path);
	__type(value, __u32);
} gate_parents SEC(".maps");

/* UID of a pod that is never held back -> 1. Writer: whoever closes the node gate. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * STOCKADE_GATE_EXEMPT_MAX);
	__type(key, struct stockade_pod_uid);
	__type(value, __u32);
} gate_exempt SEC(".maps");

/* Number of a record, modulo the size -> what somebody did to the gate. Writers: commands. Reader: the daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STOCKADE_GATE_RECORDS);
	__type(key, __u32);
	__type(value, struct stockade_gate_record);
} gate_records SEC(".maps");

static inline void set_gate(__u64 id, enum stockade_gate_state state)
{
	struct stockade_gate gate = {.cgroup_id = id, .state = state};

	gate.check = stockade_gate_check(&gate);
	bpf_map_update_elem(&gates, &id, &gate, BPF_ANY);
}

/* Whether the cgroup is one where pods are made. */
static inline bool has_pods(__u64 id)
{
	__u32 state = gate_get(id);

	return state == STOCKADE_GATE_PARENT || state == STOCKADE_GATE_NEW_PARENT;
}

static __noinline bool is_gate_parent(const char *path)
{
	struct stockade_cgroup_path key = {};

	if (bpf_probe_read_kernel_str(key.text, sizeof(key.text), path) <= 0)
		return false;
	return bpf_map_lookup_elem(&gate_parents, &key) != NULL;
}

/* The name of a cgroup, and where a pod's UID begins in the name. 0: the name is not that of a pod's cgroup. */
struct pod_name {
	char text[CGROUP_NAME_MAX];
	__u32 uid;
	char before; /* the byte before the present one */
};

static long find_uid(__u32 index, void *context)
{
	struct pod_name *name = context;
	const char *text = name->text + index;

	if (index >= CGROUP_NAME_MAX - 4)
		return 1;
	/* The name is "podUID" or "kubepods-burstable-podUID.slice". */
	if (name->before == '-' && text[0] == 'p' && text[1] == 'o' && text[2] == 'd' && text[3] && text[3] != '.')
		name->uid = index + 3;
	name->before = text[0];
	return name->uid != 0;
}

struct uid_copy {
	const struct pod_name *name;
	struct stockade_pod_uid uid;
	__u32 length, dashes;
};

static long copy_byte(__u32 index, void *context)
{
	struct uid_copy *copy = context;
	__u32 from = copy->name->uid + index;
	char byte;

	if (index >= STOCKADE_POD_UID_MAX_BYTES || from >= CGROUP_NAME_MAX)
		return 1;
	byte = copy->name->text[from];
	if (!byte || byte == '.')
		return 1;
	/* systemd writes a dash of the UID as an underscore, since a dash in the name of a unit stands for a folder. */
	copy->dashes += byte == '_' || byte == '-';
	copy->uid.text[index] = byte == '_' ? '-' : byte;
	copy->length = index + 1;
	return 0;
}

static inline bool is_exempt(const struct pod_name *name)
{
	struct stockade_pod_uid every = {.text = STOCKADE_EVERY_STATIC_POD};
	struct uid_copy copy = {.name = name};

	bpf_loop(STOCKADE_POD_UID_MAX_BYTES, copy_byte, &copy, 0);
	if (!copy.length || copy.length == STOCKADE_POD_UID_MAX_BYTES)
		return false;
	if (bpf_map_lookup_elem(&gate_exempt, &copy.uid))
		return true;
	return copy.length == STOCKADE_STATIC_POD_UID_BYTES && !copy.dashes &&
	       bpf_map_lookup_elem(&gate_exempt, &every);
}

/*
 * Enters a cgroup that was made where pods are made. A cgroup without the name of a pod's is not entered, so nothing
 * runs in it. It could be a parent of pods that nobody has named, and then its first pod would be taken for a sandbox.
 * If the table is full, nothing runs in the cgroup either.
 */
static __noinline void enter_pod(struct cgroup *cgroup, __u64 id)
{
	struct stockade_sandbox sandbox = {};
	struct pod_name name = {.before = '-'};

	if (bpf_probe_read_kernel_str(name.text, sizeof(name.text), BPF_CORE_READ(cgroup, kn, name)) <= 0)
		return;
	bpf_loop(CGROUP_NAME_MAX, find_uid, &name, 0);
	if (!name.uid)
		return;
	if (bpf_map_update_elem(&sandboxes, &id, &sandbox, BPF_ANY))
		return;
	set_gate(id, is_exempt(&name) ? STOCKADE_GATE_FREE : STOCKADE_GATE_CLOSED);
}

#endif
