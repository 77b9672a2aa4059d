/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Direction of what has no connection of its own: UDP, ICMP, SCTP, and whatever raw sockets send. The first packet
 * that is allowed decides; its flow is remembered while it is used.
 */
#ifndef STOCKADE_NETWORK_FLOWS_H
#define STOCKADE_NETWORK_FLOWS_H

#include "network_events.bpf.h"

/* The container's own table. NULL: it has none, so each of its packets is judged by the way that it goes itself. */
static __always_inline void *flows_of(const struct bound *bound)
{
	/* On the stack, since Linux 6.1 takes no key from a function's argument. */
	__u64 cgroup_id = bound->cgroup_id;

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

static __always_inline void write_flow(const struct bound *bound, const struct flow_key *key,
				       const struct network_judgement *judgement, __u64 now)
{
	struct flow flow = {
		.seen_ns = now,
		.revision = bound->revision,
		.direction = judgement->direction,
		.action = judgement->action,
	};

	void *table = flows_of(bound);

	if (!table || bpf_map_update_elem(table, key, &flow, BPF_ANY))
		count(STOCKADE_FLOWS_FULL);
}

/* Kept only when the other direction has rules that an answer would meet, or to report it once. */
static __always_inline void record_flow(const struct bound *bound, const struct packet *packet,
					const struct network_judgement *judgement, __u64 now)
{
	struct flow_key key;

	if (packet->portless || packet->unparsed)
		return;
	if (judgement->action == STOCKADE_ALLOW && !has_section(bound, judgement->direction == OUT ? IN : OUT))
		return;
	set_flow_key(packet, &key);
	write_flow(bound, &key, judgement, now);
}

/*
 * Whether the packet belongs to a flow that is still allowed. A flow that its own direction now refuses ends: the
 * packet may open another in its own direction.
 */
__noinline int in_flow(const struct bound *bound, const struct packet *packet, __u64 now)
{
	struct network_judgement judgement = {};
	struct flow_key key;
	struct flow *flow;
	void *table;

	if (!bound || !packet)
		return 0;
	if (packet->portless || packet->unparsed)
		return 0;
	table = flows_of(bound);
	if (!table)
		return 0;
	set_flow_key(packet, &key);
	flow = find_flow(table, &key, now);
	if (!flow)
		return 0;
	if (flow->revision == bound->revision && bound->found) {
		if (now - flow->seen_ns > FLOW_REFRESH_NS)
			flow->seen_ns = now;
		return 1;
	}
	judge_packet(bound, packet, flow->direction, &judgement);
	if (judgement.action == STOCKADE_BLOCK) {
		bpf_map_delete_elem(table, &key);
		return 0;
	}
	if (judgement.action == STOCKADE_AUDIT)
		report_packet(bound, packet, &judgement);
	write_flow(bound, &key, &judgement, now);
	return 1;
}

/* An ICMP error about a packet of a flow is an answer in it. */
__noinline int answers_flow(struct __sk_buff *skb, const struct bound *bound, const struct packet *packet, __u64 now)
{
	struct packet inner = {};

	if (!bound || !packet || !packet->icmp_error || packet->unparsed || parse_inner(skb, packet, &inner))
		return 0;
	if (in_flow(bound, &inner, now))
		return 1;
	/* The host's own error about a packet that did not get out comes over lo. */
	inner.loopback = 1;
	return in_flow(bound, &inner, now);
}

/* connect() has already reported the verdict on this flow. */
static __always_inline bool reported_by_connect(struct bpf_sock *sk, const struct bound *bound,
						const struct packet *packet)
{
	struct connection *connection = bpf_sk_storage_get(&connections, sk, 0, 0);

	return connection && connection->action == STOCKADE_AUDIT && connection->revision == bound->revision &&
	       connection->port == packet->remote_port && same_address(&connection->remote, &packet->remote);
}

/*
 * Who connects a datagram socket opens a flow to its peer, so what the peer says first is allowed under either
 * direction's rules. That also covers sockets older than the attach.
 */
static __always_inline void judge_connected(struct bpf_sock *sk, const struct bound *bound, const struct packet *packet,
					    struct network_judgement *judgement)
{
	struct network_judgement out = {};

	if (packet->unparsed || sk->state != TCP_ESTABLISHED || sk->dst_port == 0)
		return;
	judge_packet(bound, packet, OUT, &out);
	if (out.action < judgement->action)
		*judgement = out;
}

static __always_inline int filter_flow(struct __sk_buff *skb, struct bpf_sock *sk, const struct bound *bound,
				       const struct packet *packet, bool outgoing)
{
	__u64 now = bpf_ktime_get_ns();
	struct network_judgement judgement = {};

	if (in_flow(bound, packet, now))
		return 1;
	if (!outgoing && answers_flow(skb, bound, packet, now))
		return 1;
	judge_packet(bound, packet, outgoing ? OUT : IN, &judgement);
	if (!outgoing && judgement.action != STOCKADE_ALLOW)
		judge_connected(sk, bound, packet, &judgement);
	if (judgement.action == STOCKADE_BLOCK) {
		report_packet(bound, packet, &judgement);
		return 0;
	}
	if (judgement.action == STOCKADE_AUDIT && !(outgoing && reported_by_connect(sk, bound, packet)))
		report_packet(bound, packet, &judgement);
	record_flow(bound, packet, &judgement, now);
	return 1;
}

#endif
