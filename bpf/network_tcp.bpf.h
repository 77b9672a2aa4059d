/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Direction of TCP is that of the SYN, remembered on the socket. Whatever meets a listening socket is incoming, a
 * SYN cookie's ACK included; sockets that it accepts are copies of it and so incoming too.
 */
#ifndef STOCKADE_NETWORK_TCP_H
#define STOCKADE_NETWORK_TCP_H

#include "network_events.bpf.h"

/* A listener's copy must say IN, and nothing of a verdict on another peer. */
static __always_inline void mark_listener(struct connection *connection)
{
	bpf_spin_lock(&connection->lock);
	connection->direction = IN;
	connection->revision = 0;
	bpf_spin_unlock(&connection->lock);
}

/* Whether somebody listens at the packet's local side. */
__noinline int has_listener(struct __sk_buff *skb, const struct packet *packet)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	__u32 bytes;
	int listening;

	if (!packet)
		return 0;
	/* A remote side of zeros, so that no connection is found but the listener. */
	if (is_ipv4(&packet->local)) {
		tuple.ipv4.daddr = packet->local.words[3];
		tuple.ipv4.dport = bpf_htons(packet->local_port);
		bytes = sizeof(tuple.ipv4);
	} else {
		__builtin_memcpy(tuple.ipv6.daddr, packet->local.bytes, sizeof(tuple.ipv6.daddr));
		tuple.ipv6.dport = bpf_htons(packet->local_port);
		bytes = sizeof(tuple.ipv6);
	}
	sk = bpf_skc_lookup_tcp(skb, &tuple, bytes, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	listening = sk->state == TCP_LISTEN;
	bpf_sk_release(sk);
	return listening;
}

/* Direction of a socket that has none yet: it is older than the attach, or just sends its SYN. */
static __always_inline __u32 find_direction(struct __sk_buff *skb, __u32 state, const struct packet *packet)
{
	if (state == TCP_SYN_SENT)
		return OUT;
	return has_listener(skb, packet) ? IN : OUT;
}

static __always_inline __u16 judged_port(const struct packet *packet, __u32 direction)
{
	return direction == OUT ? packet->remote_port : packet->local_port;
}

/* The verdict kept on the socket, if it is this policy's on this peer; else -1. */
static __always_inline int kept_action(struct connection *connection, const struct bound *bound,
				       const struct packet *packet, __u32 direction)
{
	int action = -1;

	bpf_spin_lock(&connection->lock);
	if (connection->revision == bound->revision && connection->direction == direction &&
	    connection->port == judged_port(packet, direction) && same_address(&connection->remote, &packet->remote))
		action = connection->action;
	bpf_spin_unlock(&connection->lock);
	return bound->found ? action : -1;
}

static __always_inline void connection_remember(struct connection *connection, const struct bound *bound,
						const struct packet *packet, const struct network_judgement *judgement)
{
	bpf_spin_lock(&connection->lock);
	connection->direction = judgement->direction;
	connection->revision = bound->found ? bound->revision : 0;
	connection->remote = packet->remote;
	connection->port = judged_port(packet, judgement->direction);
	connection->action = judgement->action;
	bpf_spin_unlock(&connection->lock);
}

/* An audited connection is reported once: `known` when that was before. */
static __always_inline int packet_apply(const struct bound *bound, const struct packet *packet,
					const struct network_judgement *judgement, bool known)
{
	if (judgement->action == STOCKADE_BLOCK || (judgement->action == STOCKADE_AUDIT && !known))
		report_packet(bound, packet, judgement);
	return judgement->action != STOCKADE_BLOCK;
}

static __always_inline int filter_tcp(struct __sk_buff *skb, struct bpf_sock *sk, const struct bound *bound,
				      const struct packet *packet, bool outgoing)
{
	struct connection *connection;
	struct network_judgement judgement = {};
	__u32 direction;
	bool accepted;
	int action;

	connection = bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!connection) {
		denial_set(&judgement, outgoing ? OUT : IN, STOCKADE_INTERNAL);
		return packet_apply(bound, packet, &judgement, false);
	}
	if (sk->state == TCP_LISTEN) {
		mark_listener(connection);
		judge_packet(bound, packet, IN, &judgement);
		return packet_apply(bound, packet, &judgement, outgoing || !opens_tcp(skb, packet));
	}
	direction = connection->direction;
	/* By the listener, which has reported the SYN. */
	accepted = direction == IN && connection->revision == 0;
	if (outgoing && opens_tcp(skb, packet))
		direction = OUT;
	else if (direction == UNKNOWN)
		direction = find_direction(skb, sk->state, packet);
	action = kept_action(connection, bound, packet, direction);
	if (action >= 0)
		return action != STOCKADE_BLOCK;
	judge_packet(bound, packet, direction, &judgement);
	connection_remember(connection, bound, packet, &judgement);
	return packet_apply(bound, packet, &judgement, accepted);
}

#endif
