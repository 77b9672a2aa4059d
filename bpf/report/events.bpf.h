/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every program does to report: the rate limit of a container, and the fields that are common to all events. */
#ifndef STOCKADE_EVENTS_H
#define STOCKADE_EVENTS_H

#include "report/recording.bpf.h"

#define NANOSECONDS_PER_EVENT (1000000000ull / STOCKADE_EVENTS_PER_SECOND)

/*
 * Takes a token from the container's bucket. False: the bucket is empty, so the event is counted and not sent. Programs
 * that run at the same time may take one token twice. `once`: if the container is recorded, the event needs no token.
 */
static inline bool event_allowed(__u64 cgroup_id, bool once)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct stockade_rate *bucket;
	struct stockade_rate full = {.refilled_ns = now, .tokens = STOCKADE_EVENTS_BURST - 1};
	__u64 earned;

	if (once && bpf_map_lookup_elem(&recordings, &cgroup_id))
		return true;
	bucket = bpf_map_lookup_elem(&rate, &cgroup_id);
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

/* Whether an event is sent of a fact that the recording has no room to remember. */
static __always_inline bool unkept_fact_allowed(void *recording, __u64 cgroup_id, struct stockade_fact *fact)
{
	if (recordings_have_room() && event_allowed(cgroup_id, false))
		return true;
	count_lost_fact(recording, fact);
	return false;
}

/* Fills in what every event says, and leaves the rest empty. */
static inline void event_fill(struct stockade_event *event, const struct stockade_container *container,
			      enum stockade_event_kind kind, enum stockade_reason reason, enum stockade_effect effect)
{
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_boot_ns();
	event->cgroup_id = container->cgroup_id;
	event->revision = container->revision;
	event->kind = kind;
	event->reason = reason;
	event->effect = effect;
	event->rule = STOCKADE_NO_RULE;
}

/*
 * Begins an event that has no data. The caller adds what is its own, and submits the event. NULL: the container is over
 * its rate, or the ring buffer is full; the lost event is counted.
 */
static inline struct stockade_event *event_reserve(const struct stockade_container *container,
						   enum stockade_event_kind kind, enum stockade_reason reason,
						   enum stockade_effect effect)
{
	struct stockade_event *event;

	if (!event_allowed(container->cgroup_id, false))
		return NULL;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(STOCKADE_EVENTS_DROPPED_FULL);
		return NULL;
	}
	event_fill(event, container, kind, reason, effect);
	return event;
}

static __always_inline void fact_of_words(struct stockade_fact *fact, const struct stockade_hash_keys *keys,
					  const struct stockade_container *container, __u64 what,
					  const struct fact_words *words)
{
	fact_begin(fact, keys);
	fact_add(fact, keys, what);
	fact_add(fact, keys, container->revision);
	fact_add(fact, keys, (__u64)words->rule << 32 | words->softened);
	for (int i = 0; i < 4; i++)
		fact_add(fact, keys, words->word[i]);
	fact_end(fact);
}

/* As event_reserve(). But of a recorded container an event comes once for the same words. */
static __always_inline struct stockade_event *
event_reserve_once(const struct stockade_container *container, enum stockade_event_kind kind,
		   enum stockade_reason reason, enum stockade_effect effect, const struct fact_words *words)
{
	const struct stockade_hash_keys *keys;
	void *recording = recording_of(container->cgroup_id, effect);
	struct stockade_event *event;
	struct stockade_fact fact;
	enum fact_news news;

	keys = recording ? fact_keys() : NULL;
	if (!keys)
		return event_reserve(container, kind, reason, effect);
	fact_of_words(&fact, keys, container, (__u64)kind << 32 | reason, words);
	news = fact_news(recording, &fact);
	if (news == FACT_KNOWN || (news == FACT_UNKEPT && !unkept_fact_allowed(recording, container->cgroup_id, &fact)))
		return NULL;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		fact_lose(recording, &fact);
		return NULL;
	}
	event_fill(event, container, kind, reason, effect);
	event->notes = STOCKADE_RECORDED;
	event->target_id = fact.hash[0];
	return event;
}

/* Adds the current task. Its parent is not among that, since not every type of program can read the parent. */
static inline void event_add_task(struct stockade_event *event)
{
	__u64 ids = bpf_get_current_pid_tgid();

	event->pid = ids >> 32;
	event->tid = (__u32)ids;
	event->uid = (__u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

#endif
