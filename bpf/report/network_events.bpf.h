/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the network programs report. */
#ifndef STOCKADE_NETWORK_EVENTS_H
#define STOCKADE_NETWORK_EVENTS_H

#include "report/events.bpf.h"
#include "decide/network_decide.bpf.h"

static __always_inline void event_add_packet(struct stockade_event *event, const struct packet *packet,
					     const struct network_judgement *judgement)
{
	event->rule = judgement->rule;
	event->notes |= judgement->softened ? STOCKADE_SOFTENED : 0;
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

/* Of what the container connects to the peer's port tells, and else its own: a client's port is another each time. */
static __always_inline struct fact_words words_of_packet(const struct packet *packet,
							 const struct network_judgement *judgement)
{
	__u64 port = judgement->direction == OUT ? packet->remote_port : packet->local_port;
	struct fact_words words = {
		.word = {packet->protocol, port, packet->remote.halves[0], packet->remote.halves[1]},
		.rule = judgement->rule,
		.softened = judgement->softened,
	};

	return words;
}

__noinline int report_packet(const struct stockade_container *container, const struct packet *packet,
			     const struct network_judgement *judgement)
{
	struct stockade_event *event;
	struct fact_words words;

	if (!container || !packet || !judgement)
		return -1;
	words = words_of_packet(packet, judgement);
	event = event_reserve_once(
		container, judgement->direction == OUT ? STOCKADE_EVENT_EGRESS : STOCKADE_EVENT_INGRESS,
		judgement->reason, judgement->action == STOCKADE_BLOCK ? STOCKADE_DROPPED : STOCKADE_AUDITED, &words);
	if (!event)
		return 0;
	event_add_packet(event, packet, judgement);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Reports a call, which the current task makes. A packet is not the current task's, so it is reported without one. */
__noinline int report_call(const struct stockade_container *container, const struct packet *packet,
			   const struct network_judgement *judgement, __u32 kind)
{
	struct stockade_event *event;
	struct fact_words words;

	if (!container || !packet || !judgement)
		return -1;
	words = words_of_packet(packet, judgement);
	event = event_reserve_once(container, kind, judgement->reason,
				   judgement->action == STOCKADE_BLOCK ? STOCKADE_REFUSED : STOCKADE_AUDITED, &words);
	if (!event)
		return 0;
	event_add_packet(event, packet, judgement);
	event_add_task(event);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Reports a stray's socket(), which names no address yet. */
static __always_inline void report_stray(const struct stockade_container *container, __u8 family, __u8 protocol)
{
	struct stockade_event *event =
		event_reserve(container, STOCKADE_EVENT_SOCKET, STOCKADE_STRAY, STOCKADE_REFUSED);

	if (!event)
		return;
	event->family = family;
	event->protocol = protocol;
	event_add_task(event);
	bpf_ringbuf_submit(event, 0);
}

#endif
