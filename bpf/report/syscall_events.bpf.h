/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is reported of a system call that a seccomp filter may have stopped. The daemon replays the filter, and leaves
 * out what the filter lets pass.
 */
#ifndef STOCKADE_SYSCALL_EVENTS_H
#define STOCKADE_SYSCALL_EVENTS_H

#include <bpf/bpf_core_read.h>
#include "lib/mark.bpf.h"
#include "lib/syscall.bpf.h"
#include "report/events.bpf.h"

/* include/uapi/linux/seccomp.h; the last one is the kernel's own: a filter has killed the task. */
enum { SECCOMP_MODE_FILTER = 2, SECCOMP_MODE_DEAD = 3 };

#define MAX_ERRNO    4095
#define BITS_OF_LONG 64

/*
 * Cgroup id -> enum stockade_syscall_flags. Writer: the daemon, when it knows that the container has a filter. Full:
 * what the container's filter stops is not reported, and the daemon says so.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_CONTAINERS_MAX);
	__type(key, __u64);
	__type(value, __u32);
} syscall_filters SEC(".maps");

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* A bit for each call that the filter lets pass whatever its arguments are. */
struct action_cache {
	unsigned long allow_native[1]; /* as many as the architecture has calls */
	unsigned long allow_compat[1];
};

struct seccomp_filter {
	struct action_cache cache;
};

struct seccomp {
	int mode;
	struct seccomp_filter *filter;
};

struct task_struct___filtered {
	struct seccomp seccomp;
};

#pragma clang attribute pop

struct event_of_syscall {
	struct stockade_event event;
	struct stockade_syscall syscall;
};

static inline int seccomp_mode(struct task_struct *task)
{
	return ((struct task_struct___filtered *)task)->seccomp.mode;
}

/* Whether all filters of the task let the call pass whatever its arguments are. */
static inline bool is_always_allowed(struct task_struct *task, __u32 number)
{
	const struct seccomp_filter *filter = ((struct task_struct___filtered *)task)->seccomp.filter;
	__u64 bits = (__u64)filter, word = 0;
	__u32 bytes;

	if (!filter || !bpf_core_field_exists(filter->cache))
		return false;
	if (is_compat(task)) {
		bits += bpf_core_field_offset(struct action_cache, allow_compat);
		bytes = bpf_core_field_size(struct action_cache, allow_compat);
	} else {
		bits += bpf_core_field_offset(struct action_cache, allow_native);
		bytes = bpf_core_field_size(struct action_cache, allow_native);
	}
	bits += bpf_core_field_offset(struct seccomp_filter, cache);
	/* In the last word the bits of calls that the kernel does not have are set, whatever the filters say. */
	if (number / BITS_OF_LONG + 1 >= bytes / sizeof(word))
		return false;
	bpf_probe_read_kernel(&word, sizeof(word), (void *)(bits + number / BITS_OF_LONG * sizeof(word)));
	return word >> (number % BITS_OF_LONG) & 1;
}

/* What the daemon asked for; false: nothing of the task's container. */
static inline bool syscall_container(struct task_struct *task, struct stockade_container *container, __u32 *flags)
{
	const struct stockade_mark *mark = mark_of(task);
	__u64 cgroup_id = mark ? mark->cgroup_id : 0;
	const __u32 *found = bpf_map_lookup_elem(&syscall_filters, &cgroup_id);

	if (!found)
		return false;
	*flags = *found;
	return container_get(cgroup_id, container);
}

/* Whether the result is one with which a filter, too, answers: an error, or TRAP, which restores the registers. */
static inline bool may_be_denied(long result, int number)
{
	return (unsigned long)result >= (unsigned long)-MAX_ERRNO || result == (unsigned int)number;
}

static inline void syscall_registers(struct stockade_syscall *syscall, struct task_struct *task, struct pt_regs *regs)
{
	struct pt_regs___x86 *x86 = (struct pt_regs___x86 *)regs;
	struct pt_regs___arm64 *arm64 = (struct pt_regs___arm64 *)regs;
	bool compat = is_compat(task);

	syscall->number = syscall_number(regs);
	syscall->architecture = syscall_architecture(task);
	if (is_x86()) {
		syscall->result = x86->ax;
		syscall->arguments[0] = compat ? (__u32)x86->bx : x86->di;
		syscall->arguments[1] = compat ? (__u32)x86->cx : x86->si;
		syscall->arguments[2] = compat ? (__u32)x86->dx : x86->dx;
		syscall->arguments[3] = compat ? (__u32)x86->si : x86->r10;
		syscall->arguments[4] = compat ? (__u32)x86->di : x86->r8;
		syscall->arguments[5] = compat ? (__u32)x86->bp : x86->r9;
		return;
	}
	syscall->result = arm64->regs[0];
	syscall->arguments[0] = arm64->orig_x0;
	syscall->arguments[1] = arm64->regs[1];
	syscall->arguments[2] = arm64->regs[2];
	syscall->arguments[3] = arm64->regs[3];
	syscall->arguments[4] = arm64->regs[4];
	syscall->arguments[5] = arm64->regs[5];
}

/*
 * A bucket of its own: neither a storm of calls nor a call that its filter lets pass takes the room of what else the
 * container's events tell. No cgroup has such an id.
 */
static inline __u64 syscall_bucket(__u64 cgroup_id)
{
	return ~cgroup_id;
}

static __always_inline void report_syscall(const struct stockade_container *container, struct task_struct *task,
					   struct pt_regs *regs, __u32 flags, enum stockade_effect effect,
					   bool is_certain)
{
	enum stockade_reason reason = flags & STOCKADE_SYSCALL_CERTAIN ? STOCKADE_UNKNOWN_FILTER : STOCKADE_BY_RULE;
	struct event_of_syscall *record;

	if (!event_allowed(syscall_bucket(container->cgroup_id), false))
		return;
	record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
	if (!record) {
		count(STOCKADE_EVENTS_DROPPED_FULL);
		return;
	}
	event_fill(&record->event, container, STOCKADE_EVENT_SYSCALL, reason, effect);
	event_add_task(&record->event);
	record->event.parent_pid = BPF_CORE_READ(task, real_parent, tgid);
	__builtin_memset(&record->syscall, 0, sizeof(record->syscall));
	syscall_registers(&record->syscall, task, regs);
	record->syscall.is_certain = is_certain;
	bpf_ringbuf_submit(record, 0);
}

/* A filter that kills marks the task. The task ends at once, whichever way it goes, and still has the registers. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(syscall_killed, struct task_struct *exiting)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stockade_container container = {};
	__u32 flags;

	if (seccomp_mode(task) != SECCOMP_MODE_DEAD || !syscall_container(task, &container, &flags))
		return 0;
	report_syscall(&container, task, (struct pt_regs *)bpf_task_pt_regs(task), flags, STOCKADE_KILLED, true);
	return 0;
}

#endif
