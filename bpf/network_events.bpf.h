/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the network programs report. */
#ifndef STOCKADE_NETWORK_EVENTS_H
#define STOCKADE_NETWORK_EVENTS_H

#include "events.bpf.h"
#include "network_judge.bpf.h"

static __always_inline void set_event(struct stockade_event *event, const struct bound *bound,
				      const struct packet *packet, const struct network_judgement *judgement)
{
	event->revision = bound->revision;
	event->reason = judgement->reason;
	event->rule = judgement->rule;
	event->protocol = packet->protocol;
	event->local_port = packet->local_port;
	event->remote_port = packet->remote_port;
	if (is_ipv4(&packet->remote)) {
		event->family = AF_INET;
		__builtin_memcpy(event->remote_address, &packet->remote.words[3], 4);
	} else {
		event->family = AF_INET6;
		__builtin_memcpy(event->remote_address, packet->remote.bytes, 16);
	}
}

__noinline int report_packet(const struct bound *bound, const struct packet *packet,
			     const struct network_judgement *judgement)
{
	struct stockade_event *event;

	if (!bound || !packet || !judgement)
		return -1;
	event = reserve_event(bound->cgroup_id);
	if (!event)
		return 0;
	set_event(event, bound, packet, judgement);
	event->kind = judgement->direction == OUT ? STOCKADE_EVENT_EGRESS : STOCKADE_EVENT_INGRESS;
	event->effect = judgement->action == STOCKADE_BLOCK ? STOCKADE_DROPPED : STOCKADE_AUDITED;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Only where the current task is the one that acts: not for packets. */
__noinline int report_call(const struct bound *bound, const struct packet *packet,
			   const struct network_judgement *judgement, __u32 kind)
{
	struct stockade_event *event;

	if (!bound || !packet || !judgement)
		return -1;
	event = reserve_event(bound->cgroup_id);
	if (!event)
		return 0;
	set_event(event, bound, packet, judgement);
	event->kind = kind;
	event->effect = judgement->action == STOCKADE_BLOCK ? STOCKADE_REFUSED : STOCKADE_AUDITED;
	set_event_task(event);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* A stray's socket(): no address yet. */
static __always_inline void report_stray(const struct bound *bound, __u8 family, __u8 protocol)
{
	struct stockade_event *event = reserve_event(bound->cgroup_id);

	if (!event)
		return;
	event->revision = bound->revision;
	event->kind = STOCKADE_EVENT_SOCKET;
	event->reason = STOCKADE_STRAY;
	event->effect = STOCKADE_REFUSED;
	event->family = family;
	event->protocol = protocol;
	set_event_task(event);
	bpf_ringbuf_submit(event, 0);
}

#endif
