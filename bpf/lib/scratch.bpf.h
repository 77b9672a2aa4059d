/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Memory for what does not fit a program's stack of 512 bytes. It also saves the verifier work: the verifier does not
 * follow the values in this memory, so it checks the code after a decision once, and not once for each way to it.
 */
#ifndef STOCKADE_SCRATCH_H
#define STOCKADE_SCRATCH_H

#include "lib/maps.bpf.h"

#define NAME_BYTES_MAX 255 /* NAME_MAX of every file system */

/* Linux 6.10. An older kernel has these programs only where nothing interrupts them (TierChoice.swift). */
void bpf_preempt_disable(void) __weak __ksym;
void bpf_preempt_enable(void) __weak __ksym;

enum walk_end {
	WALK_UNFINISHED = 0,
	WALK_WHOLE,
	WALK_OVER_LONG,
	WALK_NOWHERE, /* no mount of the container's start reaches the file, or its name can be written in other ways */
};

/* A folder on the way to a file which is the root of a volume. */
struct path_part {
	__u32 volume;	   /* its number */
	__u32 start;	   /* where the path in the volume starts */
	__u32 after_first; /* where that path starts without its first component */
};

/* What a file is. Its path is in `path` of the scratch, from `start` to STOCKADE_PATH_MAX_BYTES. */
struct file_identity {
	struct dentry *dentry;	/* the file's; during the walk, the next one to look at */
	struct vfsmount *mount; /* NULL: the walk ends at the root of the file system, and crosses no mount */
	struct dentry *noticed; /* the last one that was looked for among the volumes' roots */
	struct dentry *top;	/* root of the mount, or of the file system */
	__u32 start;
	__u32 last_slash;  /* where the last component starts */
	__u32 after_first; /* where the path starts without its first component */
	__u32 end;	   /* enum walk_end */
	__u32 paths;	   /* how many the file has, in `parts` */
	struct path_part parts[STOCKADE_FILE_PATHS_MAX];
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
	__u16 access;	    /* of a file, what was tried */
	__u8 softened;	    /* a temporary audit made Audit of Block */
	__u8 recorded_only; /* the policy says nothing of it, but the container's recording wants it */
};

/* A step of the walk needs only the first bytes of a dentry. If a kernel had them elsewhere, no program would load. */
#define DENTRY_BYTES 64

struct dentry_bytes {
	__u8 byte[DENTRY_BYTES];
};

/* What a step of the walk needs of a dentry. */
struct dentry_fields {
	struct inode *inode;
	struct dentry *parent;
	const void *name;
	__u32 length; /* of the name */
	__u32 flags;
	__u32 sequence;
};

struct scratch {
	__u32 claimed;
	/* Empty when it is claimed. */
	__u32 exception; /* of an exec: enum exec_exception */
	struct file_identity image;
	struct rules_found found;
	struct judgement judgement;
	struct dentry_bytes dentry; /* the one that the walk looks at, on older kernels */
	struct dentry_fields fields;
	/* Filled from STOCKADE_PATH_MAX_BYTES downwards. The rest has room for a name at the greatest masked index. */
	__u8 path[STOCKADE_PATH_MAX_BYTES + 1 + NAME_BYTES_MAX + 1];
	/* Behind the arguments: a NUL, and room for a comparison that starts in the last byte and reads on. */
	__u8 arguments[STOCKADE_ARGUMENTS_MAX_BYTES + STOCKADE_ARGUMENT_TEXT_MAX_BYTES + 8];
	struct stockade_fact fact;
	__u32 fact_bytes; /* of `data`, that are part of the fact */
	struct stockade_event event;
	__u8 data[STOCKADE_EVENT_DATA_MAX_BYTES]; /* directly behind the event: sent as one */
};

/*
 * One for each CPU. The program that claims it keeps the CPU until it releases it. So no program finds it taken,
 * however many run at once.
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
	claimed->exception = 0;
	claimed->found = (struct rules_found){};
	claimed->judgement = (struct judgement){.rule = STOCKADE_NO_RULE};
}

/*
 * Claims this CPU's scratch, and the CPU, until scratch_release(). Until then Linux 6.12 lets the program call no
 * global function. NULL: the scratch is taken, which cannot happen; it is counted, and the caller fails closed.
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
