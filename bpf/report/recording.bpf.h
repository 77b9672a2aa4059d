/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Recordings. What a recorded container does is audited, and each thing is told once: the first time its event is sent,
 * and afterwards only its count rises. So no rate limits it. What is lost is forgotten, and counted.
 */
#ifndef STOCKADE_RECORDING_H
#define STOCKADE_RECORDING_H

#include "lib/maps.bpf.h"

#define EEXIST		  17
#define BPF_RB_AVAIL_DATA 0 /* of bpf_ringbuf_query(): the bytes that nobody has read yet */

/* What tells a fact without a path from others. */
struct fact_words {
	__u64 word[4];
	__u32 rule;
	__u32 softened;
};

/* The recording that takes what has this effect; NULL: the container is not recorded, or did not do it. */
static __always_inline void *recording_of(__u64 cgroup_id, enum stockade_effect effect)
{
	return effect == STOCKADE_AUDITED ? bpf_map_lookup_elem(&recordings, &cgroup_id) : NULL;
}

/* Whether execs are told apart by their arguments. `free` is memory for a key: the stack has none to spare. */
static __always_inline bool records_arguments(void *recording, struct stockade_fact *free)
{
	free->hash[0] = STOCKADE_WITH_ARGUMENTS;
	free->hash[1] = 0;
	return bpf_map_lookup_elem(recording, free);
}

static __always_inline const struct stockade_hash_keys *fact_keys(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&path_hash_keys, &zero);
}

/* The keys are some of the path hash's. Who does not know them cannot tell which two facts have one hash. */
static __always_inline void fact_begin(struct stockade_fact *fact, const struct stockade_hash_keys *keys)
{
	fact->hash[0] = keys->key[0];
	fact->hash[1] = keys->key[1];
}

/*
 * A product's uppermost bits depend on all bits of both factors, and its lowest ones on the lowest alone. So there are
 * two, and the halves change places in between: a difference between two words spreads by a key that nobody knows.
 */
static __always_inline __u64 mixed(__u64 hash, __u64 first, __u64 second)
{
	hash *= first | 1;
	hash = hash << 32 | hash >> 32;
	hash *= second | 1;
	return hash ^ hash >> 32;
}

static __always_inline void fact_add(struct stockade_fact *fact, const struct stockade_hash_keys *keys, __u64 word)
{
	fact->hash[0] = mixed(fact->hash[0] ^ word, keys->key[2], keys->key[3]);
	fact->hash[1] = mixed(fact->hash[1] ^ word, keys->key[4], keys->key[5]);
}

/* Now the first half alone names the fact. */
static __always_inline void fact_end(struct stockade_fact *fact)
{
	fact->hash[0] ^= fact->hash[1];
}

static __always_inline void fact_count(void *recording, const struct stockade_fact *fact)
{
	__u64 *count = bpf_map_lookup_elem(recording, fact);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* Here and below: `fact` is of no use afterwards. */
static __always_inline void count_lost_fact(void *recording, struct stockade_fact *fact)
{
	fact->hash[0] = STOCKADE_LOST_FACTS;
	fact->hash[1] = 0;
	fact_count(recording, fact);
}

/* There is no room for the fact's event. It is sent when the same is done again. */
static __always_inline void fact_lose(void *recording, struct stockade_fact *fact)
{
	bpf_map_delete_elem(recording, fact);
	count_lost_fact(recording, fact);
	count(STOCKADE_EVENTS_DROPPED_FULL);
}

/*
 * Recorded containers have half of the buffer. So however many different things they do, the events of others find
 * room.
 */
static __always_inline bool recordings_have_room(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < STOCKADE_EVENTS_BYTES / 2;
}

enum fact_news {
	FACT_KNOWN,
	FACT_NEW,    /* its event has to be sent */
	FACT_UNKEPT, /* there is no room to remember it, so it is an event like those of others */
};

static __always_inline enum fact_news fact_news(void *recording, struct stockade_fact *fact)
{
	__u64 once = 1, *seen = bpf_map_lookup_elem(recording, fact);
	long error = seen ? -EEXIST : bpf_map_update_elem(recording, fact, &once, BPF_NOEXIST);

	if (error == -EEXIST) {
		fact_count(recording, fact);
		return FACT_KNOWN;
	}
	if (error)
		return FACT_UNKEPT;
	if (recordings_have_room())
		return FACT_NEW;
	fact_lose(recording, fact);
	return FACT_KNOWN;
}

#endif
