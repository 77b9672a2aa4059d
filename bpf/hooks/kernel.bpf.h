/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a profile's `kernel` section says of a call, and the event that tells of the call. */
#ifndef STOCKADE_KERNEL_H
#define STOCKADE_KERNEL_H

#include "decide/kernel_decide.bpf.h"
#include "report/exec_events.bpf.h"
#include "hooks/hook.bpf.h"

/* What a task attempted. The event also says who did so. */
struct attempt {
	__u32 kind;    /* enum stockade_event_kind */
	__u32 surface; /* as in the event; before it is judged, there may be several */
	__u32 reason;  /* enum stockade_reason */
	__u32 effect;  /* enum stockade_effect; 0: nothing is done and nothing is told */
	__u64 target_id;
	__u32 target_pid;
	__u32 family;	/* of STOCKADE_SURFACE_SOCKETS, else 0 */
	__u32 softened; /* a temporary audit made Audit of Block */
	__u32 pad;
};

static inline void report_attempt(const struct stockade_container *container, const struct attempt *attempt)
{
	struct fact_words words = {.word = {attempt->surface, attempt->family}, .softened = attempt->softened};
	struct stockade_event *event =
		attempt->kind == STOCKADE_EVENT_KERNEL
			? event_reserve_once(container, attempt->kind, attempt->reason, attempt->effect, &words)
			: event_reserve(container, attempt->kind, attempt->reason, attempt->effect);

	if (!event)
		return;
	event->surface = attempt->surface;
	if (attempt->target_id)
		event->target_id = attempt->target_id;
	event->target_pid = attempt->target_pid;
	event->family = attempt->family;
	event->notes |= attempt->softened ? STOCKADE_SOFTENED : 0;
	event_add_process(event);
	bpf_ringbuf_submit(event, 0);
}

/* Sets the attempt's reason and effect by the policy of a marked task's container. */
static inline void judge_attempt(__u64 cgroup_id, struct stockade_container *container, struct attempt *attempt)
{
	__u32 surfaces = attempt->surface;
	struct policy_summary policy;

	attempt->surface = first_surface(surfaces);
	container->cgroup_id = cgroup_id;
	attempt->effect = STOCKADE_REFUSED;
	attempt->reason = STOCKADE_POLICY_GONE;
	if (!container_get(cgroup_id, container))
		return;
	attempt->reason = STOCKADE_INTERNAL;
	if (!container->revision) {
		/* The container was let through without a profile. */
		attempt->effect = 0;
	} else if (policy_summary_get(container, &policy)) {
		attempt->reason = STOCKADE_BY_RULE;
		attempt->effect = lists_family(&policy, attempt->family)
					  ? effect_of_listed(&policy)
					  : effect_of_surface(&policy, surfaces, &attempt->surface);
		attempt->softened = softens_effect(container, attempt->effect);
		if (attempt->softened)
			attempt->effect = STOCKADE_AUDITED;
	}
}

/*
 * Not 0: the current task's container may not use this part of the kernel. `family`: of a socket, else 0. The function
 * is global, so the verifier checks it once in each object.
 */
__noinline int surface_is_blocked(__u32 surface, __u32 family)
{
	struct attempt attempt = {.kind = STOCKADE_EVENT_KERNEL, .surface = surface, .family = family};
	struct stockade_mark *mark = mark_of(bpf_get_current_task_btf());
	struct stockade_container container = {};

	if (!mark)
		return 0;
	judge_attempt(mark->cgroup_id, &container, &attempt);
	if (attempt.effect)
		report_attempt(&container, &attempt);
	return attempt.effect == STOCKADE_REFUSED;
}

/* -EPERM or 0, by a branch: the verifier knows no result of a global function. */
static inline int judge_use(__u32 surface, __u32 family)
{
	int blocked = surface ? surface_is_blocked(surface, family) : 0;

	barrier_var(blocked);
	return blocked ? -EPERM : 0;
}

/* `surface`: enum stockade_surface, several of them, or 0. */
static inline int judge_surface(__u32 surface)
{
	return judge_use(surface, 0);
}

/* `family`: AF_*, or 0. */
static inline int judge_family(__u32 family)
{
	return family ? judge_use(STOCKADE_SURFACE_SOCKETS, family) : 0;
}

#endif
