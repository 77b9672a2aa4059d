/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a profile's `kernel` section says of a call, and the event that tells of it. */
#ifndef STOCKADE_KERNEL_H
#define STOCKADE_KERNEL_H

#include "exec_events.bpf.h"
#include "hook.bpf.h"

/* What an event says beside who did it. */
struct kernel_act {
	__u32 kind;    /* enum stockade_event_kind */
	__u32 surface; /* as in the event */
	__u32 reason;  /* enum stockade_reason */
	__u32 effect;  /* enum stockade_effect */
	__u64 target_id;
	__u32 target_pid;
	__u32 pad;
};

static inline void report_act(const struct stockade_container *container, const struct kernel_act *act)
{
	struct stockade_event *event = reserve_event(container->cgroup_id);

	if (!event)
		return;
	event->revision = container->revision;
	event->kind = act->kind;
	event->surface = act->surface;
	event->reason = act->reason;
	event->effect = act->effect;
	event->target_id = act->target_id;
	event->target_pid = act->target_pid;
	set_event_task(event);
	set_event_parent(event);
	bpf_ringbuf_submit(event, 0);
}

/* The policy of a marked task; NULL: none applies, and `act` says what then. */
static inline const struct stockade_policy *policy_of_mark(const struct stockade_mark *mark,
							   struct stockade_container *container, struct kernel_act *act)
{
	const struct stockade_policy *policy;

	container->cgroup_id = mark->cgroup_id;
	act->effect = STOCKADE_REFUSED;
	act->reason = STOCKADE_POLICY_GONE;
	if (!container_get(mark->cgroup_id, container))
		return NULL;
	/* Let through without a profile. */
	if (!container->revision)
		act->effect = 0;
	act->reason = STOCKADE_INTERNAL;
	policy = policy_of(container);
	return policy;
}

/*
 * Not 0: the current task's container may not use this part of the kernel. A function of its own for the verifier,
 * which then looks at it once an object.
 */
__noinline int surface_is_blocked(__u32 surface)
{
	struct kernel_act act = {.kind = STOCKADE_EVENT_KERNEL, .surface = surface};
	struct stockade_mark *mark = mark_of(bpf_get_current_task_btf());
	struct stockade_container container = {};
	const struct stockade_policy *policy;

	if (!mark)
		return 0;
	policy = policy_of_mark(mark, &container, &act);
	if (policy) {
		act.reason = STOCKADE_BY_RULE;
		act.effect = policy->kernel_blocked & surface	? STOCKADE_REFUSED
			     : policy->kernel_audited & surface ? STOCKADE_AUDITED
								: 0;
	}
	if (act.effect)
		report_act(&container, &act);
	return act.effect == STOCKADE_REFUSED;
}

/* -EPERM or 0, by a branch: the verifier does not know what a function of its own answers with. */
static inline int refuse_surface(enum stockade_surface surface)
{
	int blocked = surface_is_blocked(surface);

	barrier_var(blocked);
	return blocked ? -EPERM : 0;
}

#endif
