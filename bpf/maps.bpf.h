/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps that several BPF objects share: the daemon creates each once and hands it to every object. Values:
 * stockade.h. "Full" says what happens when no element can be added.
 */
#ifndef STOCKADE_MAPS_H
#define STOCKADE_MAPS_H

/*
 * Cgroup id -> who is bound, by what. Writers: the daemon, a command that closes the node gate, and pods.bpf.c, which
 * deletes what was let through. Readers: all programs, by container_get(). Full: the start of the container is refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_CONTAINERS_MAX);
	__type(key, __u64);
	__type(value, struct stockade_container);
} containers SEC(".maps");

/*
 * Cgroup id -> whether what is below may exec without an entry of its own. Writers: the daemon, and pods.bpf.c.
 * Readers: programs in a task's context, by gate_get(). Full: the pod is refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_GATES_MAX);
	__type(key, __u64);
	__type(value, struct stockade_gate);
} gates SEC(".maps");

/*
 * Cgroup id of a pod's cgroup -> its sandbox. Written before the element of `gates`, and removed after it. Writers: the
 * daemon when the runtime tells of a sandbox; pods.bpf.c and exec programs, in place. Full: the pod is refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_GATES_MAX);
	__type(key, __u64);
	__type(value, struct stockade_sandbox);
} sandboxes SEC(".maps");

/* enum stockade_gate_control -> its value. Writers: commands, the daemon, exec programs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STOCKADE_GATES_CONTROLS);
	__type(key, __u32);
	__type(value, __u64);
} gate_control SEC(".maps");

/*
 * Cgroup id -> the process whose next exec is the container's entrypoint. Writer: the daemon adds, the exec that it
 * allows deletes. Readers: exec programs. Full: the start of the container is refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_CONTAINERS_MAX);
	__type(key, __u64);
	__type(value, struct stockade_process);
} entrypoints SEC(".maps");

/*
 * Task -> its container. Writers: mark.bpf.c and the exec programs. Readers: every program in a task's context.
 * Without bound; no memory for a mark: the exec is refused or killed; at tiers lsm and fmod_ret the fork is refused; at
 * tier signal its child is remembered in `strays`; and it is counted.
 */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stockade_mark);
} marks SEC(".maps");

/*
 * Thread group id -> the container that answers for it: a task of it has left the cgroup, or could not be marked. For
 * programs that cannot read task storage too. Writers: mark.bpf.c, exec programs, the daemon's sweep. Preallocated,
 * since it is written with a spin lock held, and where there is no memory. Full, or over the container's share:
 * counted, and what of the container would be one more is killed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STOCKADE_STRAYS_MAX);
	__type(key, __u32);
	__type(value, struct stockade_stray);
} strays SEC(".maps");

/*
 * Cgroup id -> how many of `strays` a container has. Made by the daemon, before the container's entry; counted by
 * whoever writes `strays`; the daemon's sweep corrects what a program that did not run left. Full: no start.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_CONTAINERS_MAX);
	__type(key, __u64);
	__type(value, __u32);
} stray_counts SEC(".maps");

/* Revision -> what applies where no rule does. Writer: the daemon, after the rules. Full: the profile is refused. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_POLICIES_MAX);
	__type(key, __u64);
	__type(value, struct stockade_policy);
} policies SEC(".maps");

/* Revision and hash of a path -> its rule. Writer: the daemon. Readers: rules_search(). Full: the profile is refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_PATH_RULES_MAX);
	__type(key, struct stockade_path_key);
	__type(value, struct stockade_path_rule);
} path_rules SEC(".maps");

/* Revision, rule, position -> an argument rule. Writer: the daemon. Readers: exec programs. Full: profile refused. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_ARGUMENTS_MAX);
	__type(key, struct stockade_argument_key);
	__type(value, struct stockade_argument);
} arguments SEC(".maps");

/* 0 -> the secret keys of the path hash. Writer: the daemon, once, before the map can be found. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stockade_hash_keys);
} path_hash_keys SEC(".maps");

/* struct stockade_event and its data. Writers: all programs. Reader: the daemon. Full: dropped and counted. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, STOCKADE_EVENTS_BYTES);
} events SEC(".maps");

/* enum stockade_counter -> how often, per CPU. Writers: all programs. Reader: the daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STOCKADE_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* Cgroup id -> its token bucket. Writer: event_allowed(). Full: the least used bucket starts anew. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STOCKADE_RATES_MAX);
	__type(key, __u64);
	__type(value, struct stockade_rate);
} rate SEC(".maps");

static inline void count(enum stockade_counter counter)
{
	__u32 key = counter;
	__u64 *value = bpf_map_lookup_elem(&counters, &key);

	if (value)
		*value += 1;
}

/*
 * Copies a container; false: there is none. One that is replaced again and again while it is read counts as closed.
 */
static inline bool container_get(__u64 cgroup_id, struct stockade_container *copy)
{
	/* A writer needs a system call for each replacement: to meet two in a row takes an interrupted reader. */
	for (int attempt = 0; attempt < 3; attempt++) {
		const struct stockade_container *found = bpf_map_lookup_elem(&containers, &cgroup_id);

		if (!found)
			return false;
		/* volatile: what is checked is what was copied, not the element read once more. */
		*copy = *(const volatile struct stockade_container *)found;
		if (copy->cgroup_id == cgroup_id && copy->check == stockade_container_check(copy))
			return true;
	}
	copy->cgroup_id = cgroup_id;
	copy->state = STOCKADE_CLOSED;
	return true;
}

/* enum stockade_gate_state; 0: none. */
static inline __u32 gate_get(__u64 cgroup_id)
{
	const struct stockade_gate *found = bpf_map_lookup_elem(&gates, &cgroup_id);
	struct stockade_gate copy;

	if (!found)
		return 0;
	copy = *(const volatile struct stockade_gate *)found;
	if (copy.cgroup_id == cgroup_id && copy.check == stockade_gate_check(&copy))
		return copy.state;
	return STOCKADE_GATE_CLOSED;
}

/* Whether somebody has opened all gates, for a time that ends by itself. */
static inline bool gates_are_open(void)
{
	__u32 key = STOCKADE_GATES_OPEN_UNTIL;
	const __u64 *until = bpf_map_lookup_elem(&gate_control, &key);

	return until && *until && bpf_ktime_get_boot_ns() < *until;
}

static inline void count_let_through(void)
{
	__u32 key = STOCKADE_GATES_LET_THROUGH;
	__u64 *value = bpf_map_lookup_elem(&gate_control, &key);

	if (value)
		__sync_fetch_and_add(value, 1);
}

/*
 * Whether a policy that was found before is still there. It goes before its rules do, and its memory is another one's
 * then: so whoever judged by it asks this at the end, and judges anew where it has gone.
 */
static inline bool policy_stands(const struct stockade_container *container)
{
	return bpf_map_lookup_elem(&policies, &container->revision) != NULL;
}

/* A reload needs several system calls: to meet three in a row takes an interrupted program. */
#define JUDGE_ATTEMPTS 3

/*
 * The policy that a container's entry refers to; NULL: it is gone. A reload replaces the entry and then takes the old
 * policy away: whoever copied the entry before that finds the new one here, and has its copy renewed.
 */
static inline const struct stockade_policy *policy_of(struct stockade_container *container)
{
	const struct stockade_policy *policy = bpf_map_lookup_elem(&policies, &container->revision);
	__u64 revision = container->revision;

	if (policy || !container_get(container->cgroup_id, container) || container->revision == revision)
		return policy;
	return bpf_map_lookup_elem(&policies, &container->revision);
}

#endif
