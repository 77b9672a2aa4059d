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
 * Cgroup id -> the container's mounts. Writer: mark.bpf.c, when the daemon asks for it, before the container's entry.
 * Readers: who wants a file's path. Full: the start of the container is refused.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_CONTAINERS_MAX);
	__type(key, __u64);
	__type(value, struct stockade_volumes);
} volumes SEC(".maps");

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
 * Task -> the argument rules of the files that its present exec loads. Writers: exec_check adds, and empties it at the
 * first file of an exec; who judges the arguments deletes. Readers: the latter. Without bound, and at most one for each
 * task; no memory: the exec is refused, and it is counted.
 */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stockade_script_rules);
} script_rules SEC(".maps");

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

/*
 * Cgroup id -> the container's recording. Writer: the daemon makes and removes it; programs fill it, by events.bpf.h. A
 * full recording takes no more facts: their events are sent each time.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, STOCKADE_RECORDINGS_MAX);
	__type(key, __u64);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_HASH);
			__uint(map_flags, BPF_F_NO_PREALLOC);
			__uint(max_entries, STOCKADE_FACTS_MAX);
			/* By size: the compiler leaves out types that it meets only here. */
			__uint(key_size, sizeof(struct stockade_fact));
			__uint(value_size, sizeof(__u64));
		});
} recordings SEC(".maps");

static inline void count(enum stockade_counter counter)
{
	__u32 key = counter;
	__u64 *value = bpf_map_lookup_elem(&counters, &key);

	if (value)
		*value += 1;
}

/* A revision that no policy has. */
#define REVISION_OF_NONE (~0ull)

/* 1 or 0, without a branch: the verifier follows both ways of each. */
static inline __u64 is_zero(__u64 number)
{
	/* Else the compiler makes a comparison of it, which is a branch. */
	asm volatile("" : "+r"(number));
	return ~(number | -number) >> 63;
}

/*
 * Takes the deadline of a temporary audit out of the copy of an entry once the deadline has passed. A container that is
 * closed has none: what still runs in it is not softened.
 */
static inline void end_audit(struct stockade_container *copy)
{
	__u64 until = stockade_audit_until(copy), is_in_force;

	if (!until)
		return;
	is_in_force = is_zero(copy->state ^ STOCKADE_OPEN) & (bpf_ktime_get_boot_ns() - until * 1000000000ull) >> 63;
	copy->flags &= ((1u << STOCKADE_AUDIT_SHIFT) - 1) | -(__u32)is_in_force;
}

/* Returns false if there is no entry. */
static inline bool entry_copy(__u64 cgroup_id, struct stockade_container *copy)
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
	copy->revision = REVISION_OF_NONE;
	copy->state = STOCKADE_CLOSED;
	copy->flags = 0;
	return true;
}

/*
 * Copies a container's entry. False: there is none. An entry that is replaced again and again while it is read counts
 * as closed, and whoever needs its policy finds none. A temporary audit whose deadline the copy has is in force.
 * The function is global, so the verifier checks it once in each object, and not on each of the many ways that lead
 * here.
 */
__noinline int container_get(__u64 cgroup_id, struct stockade_container *copy)
{
	if (!copy || !entry_copy(cgroup_id, copy))
		return false;
	end_audit(copy);
	return true;
}

/* Returns enum stockade_gate_state; 0: the cgroup has no gate. */
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
 * How a policy is read.
 *
 * No policy is ever changed, and no revision is ever used again. But the daemon removes a policy, and then its rules.
 * The kernel gives the memory of a removed element to another element at once, also while a program still reads it. The
 * revision in that memory does not tell, since nothing orders the bytes that the kernel writes there.
 *
 * So whoever judges by a policy looks the policy up (policy_of), reads it and its rules, and then looks it up once more
 * (policy_stands). If it is still there, it was there all the time, and so were its rules. If it is gone, the judgement
 * is worth nothing, and is made anew.
 */
static inline bool revision_stands(__u64 revision)
{
	return bpf_map_lookup_elem(&policies, &revision) != NULL;
}

static inline bool policy_stands(const struct stockade_container *container)
{
	/* By value, since before Linux 6.2 no key of a map may be in a caller's memory. */
	return revision_stands(container->revision);
}

/* A reload needs several system calls. So only a program that was interrupted meets three reloads in a row. */
#define JUDGE_ATTEMPTS 3

/*
 * The policy that a container's entry refers to; NULL: it is gone. A reload replaces the entry and then takes the old
 * policy away: whoever copied the entry before that finds the new one here, and has its copy renewed.
 */
static inline const struct stockade_policy *policy_of(struct stockade_container *container)
{
	__u64 revision = container->revision; /* on the stack, as above */
	const struct stockade_policy *policy = bpf_map_lookup_elem(&policies, &revision);

	if (policy || !container_get(container->cgroup_id, container) || container->revision == revision)
		return policy;
	revision = container->revision;
	return bpf_map_lookup_elem(&policies, &revision);
}

/* What a policy says without its rules. */
struct policy_summary {
	__u32 flags;	      /* enum stockade_policy_flags */
	__u32 kernel_blocked; /* enum stockade_surface */
	__u32 kernel_audited;
	__u64 families; /* those that `kernel.sockets` lists: a bit for each AF_ number */
};

/* Copies it from a policy that stands. False: the policy is gone. */
static inline bool policy_summary_get(struct stockade_container *container, struct policy_summary *summary)
{
	for (int attempt = 0; attempt < JUDGE_ATTEMPTS; attempt++) {
		const struct stockade_policy *policy = policy_of(container);

		if (!policy)
			return false;
		summary->flags = policy->flags;
		summary->kernel_blocked = policy->kernel_blocked;
		summary->kernel_audited = policy->kernel_audited;
		summary->families = stockade_families(policy);
		if (policy_stands(container))
			return true;
	}
	return false;
}

#endif
