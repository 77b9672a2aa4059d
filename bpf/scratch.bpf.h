/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What does not fit a program's stack of 512 bytes. */
#ifndef STOCKADE_SCRATCH_H
#define STOCKADE_SCRATCH_H

#include "maps.bpf.h"

#define NAME_BYTES_MAX 255 /* NAME_MAX of every file system */

#define SCRATCH_SLOTS 4

struct scratch {
	__u32 claimed;
	__u32 pad;
	/* Filled from STOCKADE_PATH_MAX_BYTES downwards. What is behind that only holds a masked index plus a name. */
	__u8 path[STOCKADE_PATH_MAX_BYTES + 1 + NAME_BYTES_MAX + 1];
	/* A NUL, and whatever a comparison that starts in the last byte reads of the rest, follow the arguments. */
	__u8 arguments[STOCKADE_ARGUMENTS_MAX_BYTES + STOCKADE_ARGUMENT_TEXT_MAX_BYTES + 8];
	struct stockade_event event;
	__u8 data[STOCKADE_EVENT_DATA_MAX_BYTES]; /* directly behind the event: sent as one */
};

/*
 * Per CPU, and several: a program behind a trampoline can be preempted by a task that runs another one, so each claims
 * a slot. A CPU has as many as programs are ever preempted one in another there; with none left a program fails closed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* The scratch of a claimed slot. Global functions are given its number: the verifier lets no pointer in. */
static inline struct scratch *scratch_at(__u32 slot)
{
	return bpf_map_lookup_elem(&scratch, &slot);
}

/* A free slot's number; SCRATCH_SLOTS: there is none. */
static inline __u32 scratch_claim(void)
{
	__u32 slot;

	for (slot = 0; slot < SCRATCH_SLOTS; slot++) {
		struct scratch *found = scratch_at(slot);

		if (found && !__sync_lock_test_and_set(&found->claimed, 1))
			break;
	}
	return slot;
}

static inline void scratch_release(__u32 slot)
{
	struct scratch *found = scratch_at(slot);

	if (found)
		__sync_lock_test_and_set(&found->claimed, 0);
}

#endif
