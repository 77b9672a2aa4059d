/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What does not fit a program's stack of 512 bytes, and what is better not there: the verifier does not follow what
 * this memory holds, so it looks once at what comes after a decision and not once for each way that led there.
 */
#ifndef STOCKADE_SCRATCH_H
#define STOCKADE_SCRATCH_H

#include "maps.bpf.h"

#define NAME_BYTES_MAX 255 /* NAME_MAX of every file system */

/* Linux 6.10. An older kernel has these programs only where nothing interrupts them (TierChoice.swift). */
void bpf_preempt_disable(void) __weak __ksym;
void bpf_preempt_enable(void) __weak __ksym;

enum walk_end { WALK_UNFINISHED = 0, WALK_WHOLE, WALK_OVER_LONG };

/* A file's identity and its path, which stands in the path of the scratch, [start ..< STOCKADE_PATH_MAX_BYTES]. */
struct file_identity {
	struct dentry *dentry;	/* the file's, and on the way up the one that is next */
	struct vfsmount *mount; /* NULL: up to the root of the file system, whatever is mounted where */
	struct dentry *top;	/* of the mount, or of the file system */
	__u32 start;
	__u32 last_slash; /* where the last component starts */
	__u32 end;	  /* enum walk_end */
	bool fileless;
	bool fresh; /* not of the container's image */
};

/* The most specific rules, by access; `present` says whether there is one. */
struct rules_found {
	struct stockade_verdict path[STOCKADE_ACCESSES]; /* decides about the path itself */
	/* Of RULES_OF_FILE_TREE: decides about what lies two levels below and is named by no rule. */
	struct stockade_verdict tree[STOCKADE_ACCESSES];
	struct stockade_verdict below[STOCKADE_ACCESSES]; /* strictest of the rules about something below */
};

struct judgement {
	__u32 action; /* enum stockade_action */
	__u32 reason; /* enum stockade_reason */
	__u32 rule;
	__u32 argument;
	__u32 access; /* of a file, what was tried */
};

struct scratch {
	__u32 claimed;
	__u32 pad;
	/* Empty when it is claimed. */
	struct file_identity image;
	struct rules_found found;
	struct judgement judgement;
	/* Filled from STOCKADE_PATH_MAX_BYTES downwards. What is behind that only holds a masked index plus a name. */
	__u8 path[STOCKADE_PATH_MAX_BYTES + 1 + NAME_BYTES_MAX + 1];
	/* A NUL, and whatever a comparison that starts in the last byte reads of the rest, follow the arguments. */
	__u8 arguments[STOCKADE_ARGUMENTS_MAX_BYTES + STOCKADE_ARGUMENT_TEXT_MAX_BYTES + 8];
	struct stockade_event event;
	__u8 data[STOCKADE_EVENT_DATA_MAX_BYTES]; /* directly behind the event: sent as one */
};

/*
 * One a CPU. Who has it keeps its CPU until it gives it back, so nobody ever finds it taken, however many there are.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline void hold_cpu(void)
{
	if (bpf_preempt_disable)
		bpf_preempt_disable();
}

static __always_inline void let_cpu_go(void)
{
	if (bpf_preempt_enable)
		bpf_preempt_enable();
}

static __always_inline void scratch_empty(struct scratch *claimed)
{
	claimed->image =
		(struct file_identity){.start = STOCKADE_PATH_MAX_BYTES, .last_slash = STOCKADE_PATH_MAX_BYTES};
	claimed->found = (struct rules_found){};
	claimed->judgement = (struct judgement){.rule = STOCKADE_NO_RULE};
}

/*
 * This CPU's scratch, and the CPU with it, until scratch_release(). Until then no global function can be called: Linux
 * 6.12 forbids it. NULL: it is taken, against all that is said above; counted, and the caller fails closed.
 */
static __always_inline struct scratch *scratch_claim(void)
{
	__u32 zero = 0;
	struct scratch *found;

	hold_cpu();
	found = bpf_map_lookup_elem(&scratch, &zero);
	if (found && !__sync_lock_test_and_set(&found->claimed, 1)) {
		scratch_empty(found);
		return found;
	}
	let_cpu_go();
	count(STOCKADE_SCRATCH_BUSY);
	return NULL;
}

static __always_inline void scratch_release(struct scratch *claimed)
{
	__sync_lock_test_and_set(&claimed->claimed, 0);
	let_cpu_go();
}

#endif
