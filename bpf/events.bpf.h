/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every program does to report: the rate limit of a container, and the fields that describe the current task. */
#ifndef STOCKADE_EVENTS_H
#define STOCKADE_EVENTS_H

#include "maps.bpf.h"

#define NANOSECONDS_PER_EVENT (1000000000ull / STOCKADE_EVENTS_PER_SECOND)

/* Takes a token of the container's bucket; without one the event is counted and not sent. Races cost a few tokens. */
static inline bool event_allowed(__u64 cgroup_id)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct stockade_rate *bucket = bpf_map_lookup_elem(&rate, &cgroup_id);
	struct stockade_rate full = {.refilled_ns = now, .tokens = STOCKADE_EVENTS_BURST - 1};
	__u64 earned;

	if (!bucket) {
		bpf_map_update_elem(&rate, &cgroup_id, &full, BPF_ANY);
		return true;
	}
	earned = now > bucket->refilled_ns ? (now - bucket->refilled_ns) / NANOSECONDS_PER_EVENT : 0;
	if (earned) {
		__u64 tokens = bucket->tokens + earned;

		bucket->tokens = tokens < STOCKADE_EVENTS_BURST ? tokens : STOCKADE_EVENTS_BURST;
		bucket->refilled_ns += earned * NANOSECONDS_PER_EVENT;
	}
	if (!bucket->tokens) {
		count(STOCKADE_EVENTS_DROPPED_RATE);
		return false;
	}
	bucket->tokens -= 1;
	return true;
}

/* Only in a task's context. The caller adds the parent, which not every program type can read. */
static inline void set_event_task(struct stockade_event *event)
{
	__u64 ids = bpf_get_current_pid_tgid();

	event->pid = ids >> 32;
	event->tid = (__u32)ids;
	event->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

static inline void begin_event(struct stockade_event *event, __u64 cgroup_id)
{
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_boot_ns();
	event->cgroup_id = cgroup_id;
	event->rule = STOCKADE_NO_RULE;
}

/* An empty event without data to fill and submit; NULL: over the container's rate, or the ring buffer is full. */
static inline struct stockade_event *reserve_event(__u64 cgroup_id)
{
	struct stockade_event *event;

	if (!event_allowed(cgroup_id))
		return NULL;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(STOCKADE_EVENTS_DROPPED_FULL);
		return NULL;
	}
	begin_event(event, cgroup_id);
	return event;
}

#endif
