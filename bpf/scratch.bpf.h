/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What does not fit a program's stack of 512 bytes. */
#ifndef STOCKADE_SCRATCH_H
#define STOCKADE_SCRATCH_H

#include "maps.bpf.h"

#define NAME_BYTES_MAX 255 /* NAME_MAX of every file system */

struct scratch {
	/* Filled from STOCKADE_PATH_MAX_BYTES downwards. What is behind that only holds a masked index plus a name. */
	__u8 path[STOCKADE_PATH_MAX_BYTES + 1 + NAME_BYTES_MAX + 1];
	/* A NUL, and whatever a comparison that starts in the last byte reads of the rest, follow the arguments. */
	__u8 arguments[STOCKADE_ARGUMENTS_MAX_BYTES + STOCKADE_ARGUMENT_TEXT_MAX_BYTES + 8];
	struct stockade_event event;
	__u8 data[STOCKADE_EVENT_DATA_MAX_BYTES]; /* directly behind the event: sent as one */
};

/*
 * Per CPU. Sound only where no other program that uses it can run in between: tracepoints, which run with preemption
 * off. Programs behind trampolines can be preempted and need one of their own that is claimed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static inline struct scratch *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

#endif
