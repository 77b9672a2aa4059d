/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps that several BPF objects share: the daemon creates each once and hands it to every object. Values:
 * stockade.h. "Full" says what happens when no element can be added.
 */
#ifndef STOCKADE_MAPS_H
#define STOCKADE_MAPS_H

/*
 * Cgroup id -> who is bound, by what. Writer: the daemon. Readers: all programs, by container_get().
 * Full: the start of the container is refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_CONTAINERS_MAX);
	__type(key, __u64);
	__type(value, struct stockade_container);
} containers SEC(".maps");

/*
 * Cgroup id -> the process whose next exec is the container's entrypoint. Writer: the daemon adds, the exec that it
 * allows deletes. Readers: exec programs. Full: the start of the container is refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_CONTAINERS_MAX);
	__type(key, __u64);
	__type(value, struct stockade_entrypoint);
} entrypoints SEC(".maps");

/*
 * Task -> its container. Writers: mark.bpf.c and the exec programs. Readers: every program in a task's context.
 * Without bound; no memory for a mark: the exec is refused or killed, at tier lsm the fork too; and it is counted.
 */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stockade_mark);
} marks SEC(".maps");

/*
 * Thread group id -> cgroup id of the container that a task of it has left, for programs that cannot read task storage.
 * Writer: mark.bpf.c. Preallocated, since it is written with a spin lock held. Full: counted, and who of a container
 * makes one more stray is killed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STOCKADE_STRAYS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} strays SEC(".maps");

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
