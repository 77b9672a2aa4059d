/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The direction of what has no connection: UDP, ICMP, SCTP, and whatever raw sockets send. The first packet that is
 * allowed decides about the direction of its flow. The flow is remembered while it is used.
 */
#ifndef STOCKADE_NETWORK_FLOWS_H
#define STOCKADE_NETWORK_FLOWS_H

#include "report/network_events.bpf.h"

/* The container's own table. NULL: there is none, so each packet of the container is judged by its own direction. */
static __always_inline void *flows_of(const struct stockade_container *container)
{
	/* On the stack, since Linux 6.1 takes no key from a function's argument. */
	__u64 cgroup_id = container->cgroup_id;

	return bpf_map_lookup_elem(&flows, &cgroup_id);
}

static __always_inline void set_flow_key(const struct packet *packet, struct flow_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->remote = packet->remote;
	key->local_port = packet->local_port;
	key->remote_port = packet->remote_port;
	key->protocol = packet->protocol;
	key->loopback = packet->loopback;
}

/* The flow that the key names, if it is still in use. */
static __always_inline struct flow *find_flow(void *table, const struct flow_key *key, __u64 now)
{
	struct flow *flow = bpf_map_lookup_elem(table, key);

	if (!flow || now - flow->seen_ns > FLOW_IDLE_NS)
		return NULL;
	return flow;
}

static __always_inline void write_flow(const struct stockade_container *container, const struct flow_key *key,
				       const struct network_judgement *judgement, __u64 now)
{
	struct flow flow = {
		.seen_ns = now,
		.revision = container->revision,
		.direction = judgement->direction,
		.audit_until = judgement->audit_until,
	};

	void *table = flows_of(container);

	if (!table || bpf_map_update_elem(table, key, &flow, BPF_ANY))
		count(STOCKADE_FLOWS_FULL);
}

/*
 * Remembers a flow. That is needed if the other direction has rules that an answer would meet, and if an audited flow
 * is to be reported once.
 */
static __always_inline void record_flow(const struct stockade_container *container, const struct packet *packet,
					const struct network_judgement *judgement, __u64 now)
{
	struct flow_key key;

	if (packet->portless || packet->unparsed)
		return;
	if (judgement->action == STOCKADE_ALLOW && !has_section(container, judgement->direction == OUT ? IN : OUT))
		return;
	set_flow_key(packet, &key);
	write_flow(container, &key, judgement, now);
}

/*
 * Whether the packet belongs to a flow that is still allowed. A flow ends if the rules of its direction now refuse it,
 * also when a temporary audit has ended. The packet may then open another flow in the packet's own direction.
 */
__noinline int in_flow(struct stockade_container *container, const struct packet *packet, __u64 now)
{
	struct network_judgement judgement = {};
	struct flow_key key;
	struct flow *flow;
	void *table;

	if (!container || !packet)
		return 0;
	if (packet->portless || packet->unparsed)
		return 0;
	table = flows_of(container);
	if (!table)
		return 0;
	set_flow_key(packet, &key);
	flow = find_flow(table, &key, now);
	if (!flow)
		return 0;
	if (container->revision && flow->revision == container->revision &&
	    flow->audit_until == stockade_audit_until(container)) {
		if (now - flow->seen_ns > FLOW_REFRESH_NS)
			flow->seen_ns = now;
		return 1;
	}
	judge_packet(container, packet, flow->direction, &judgement);
	if (judgement.action == STOCKADE_BLOCK) {
		bpf_map_delete_elem(table, &key);
		return 0;
	}
	if (judgement.action == STOCKADE_AUDIT)
		report_packet(container, packet, &judgement);
	write_flow(container, &key, &judgement, now);
	return 1;
}

/* Whether the packet is an ICMP error about a packet of a flow. Such an error is an answer in that flow. */
__noinline int answers_flow(struct __sk_buff *skb, struct stockade_container *container, const struct packet *packet,
			    __u64 now)
{
	struct packet inner = {};

	if (!container || !packet || !packet->icmp_error || packet->unparsed || parse_inner(skb, packet, &inner))
		return 0;
	if (in_flow(container, &inner, now))
		return 1;
	/* The host's own error about a packet that could not leave the host comes over lo. */
	inner.loopback = 1;
	return in_flow(container, &inner, now);
}

/* Whether connect() has already reported the verdict on this flow. */
static __always_inline bool reported_by_connect(struct bpf_sock *sk, const struct stockade_container *container,
						const struct packet *packet)
{
	struct connection *connection = bpf_sk_storage_get(&connections, sk, 0, 0);

	return connection && connection->action == STOCKADE_AUDIT && connection->revision == container->revision &&
	       connection->port == packet->remote_port && same_address(&connection->remote, &packet->remote);
}

/*
 * Whoever connects a datagram socket opens a flow to the peer. So a packet of the peer is allowed if the rules of
 * either direction allow it, even if it is the flow's first packet. That holds for sockets older than the attach as
 * well.
 */
static __always_inline void judge_connected(struct bpf_sock *sk, struct stockade_container *container,
					    const struct packet *packet, struct network_judgement *judgement)
{
	struct network_judgement out = {};

	if (packet->unparsed || sk->state != TCP_ESTABLISHED || sk->dst_port == 0)
		return;
	judge_packet(container, packet, OUT, &out);
	if (out.action < judgement->action)
		*judgement = out;
}

static __always_inline int filter_flow(struct __sk_buff *skb, struct bpf_sock *sk, struct stockade_container *container,
				       const struct packet *packet, bool outgoing)
{
	__u64 now = bpf_ktime_get_ns();
	struct network_judgement judgement = {};

	if (in_flow(container, packet, now))
		return 1;
	if (!outgoing && answers_flow(skb, container, packet, now))
		return 1;
	judge_packet(container, packet, outgoing ? OUT : IN, &judgement);
	if (!outgoing && judgement.action != STOCKADE_ALLOW)
		judge_connected(sk, container, packet, &judgement);
	if (judgement.action == STOCKADE_BLOCK) {
		report_packet(container, packet, &judgement);
		return 0;
	}
	if (judgement.action == STOCKADE_AUDIT && !(outgoing && reported_by_connect(sk, container, packet)))
		report_packet(container, packet, &judgement);
	record_flow(container, packet, &judgement, now);
	return 1;
}

#endif
