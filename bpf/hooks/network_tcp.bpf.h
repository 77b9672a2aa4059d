/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A TCP connection has the direction of its SYN, which is remembered with the socket. Whatever meets a listening socket
 * is incoming, also the ACK of a SYN cookie. A socket that the listener accepts starts with a copy of what is
 * remembered with the listener. So that socket is incoming too.
 */
#ifndef STOCKADE_NETWORK_TCP_H
#define STOCKADE_NETWORK_TCP_H

#include "report/network_events.bpf.h"

/* What accepted sockets copy from the listener must say IN, and must hold no verdict on another peer. */
static __always_inline void mark_listener(struct connection *connection)
{
	bpf_spin_lock(&connection->lock);
	connection->direction = IN;
	connection->revision = 0;
	bpf_spin_unlock(&connection->lock);
}

/* Whether some socket listens at the packet's local side. */
__noinline int has_listener(struct __sk_buff *skb, const struct packet *packet)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	__u32 bytes;
	int listening;

	if (!packet)
		return 0;
	/* The remote side stays zero, so that the listener is found and no connection. */
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

/* Finds the direction of a socket that has none yet: it is older than the attach, or is just sending its SYN. */
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

/*
 * The verdict that is remembered with the socket. -1: there is none by this policy on this peer. A verdict from before
 * a temporary audit does not count in it, nor the other way round.
 */
static __always_inline int remembered_action(struct connection *connection, const struct stockade_container *container,
					     const struct packet *packet, __u32 direction)
{
	__u32 audit_until = stockade_audit_until(container);
	int action = -1;

	bpf_spin_lock(&connection->lock);
	if (connection->revision == container->revision && connection->audit_until == audit_until &&
	    connection->direction == direction && connection->port == judged_port(packet, direction) &&
	    same_address(&connection->remote, &packet->remote))
		action = connection->action;
	bpf_spin_unlock(&connection->lock);
	/* Revision 0 is that of a socket without a verdict, too. */
	return container->revision ? action : -1;
}

static __always_inline void connection_remember(struct connection *connection,
						const struct stockade_container *container, const struct packet *packet,
						const struct network_judgement *judgement)
{
	bpf_spin_lock(&connection->lock);
	connection->direction = judgement->direction;
	connection->revision = container->revision;
	connection->remote = packet->remote;
	connection->port = judged_port(packet, judgement->direction);
	connection->action = judgement->action;
	connection->audit_until = judgement->audit_until;
	bpf_spin_unlock(&connection->lock);
}

/*
 * Reports the judgement and returns the program's answer. An audited connection is reported once. `known`: that was
 * done before.
 */
static __always_inline int packet_apply(const struct stockade_container *container, const struct packet *packet,
					const struct network_judgement *judgement, bool known)
{
	if (judgement->action == STOCKADE_BLOCK || (judgement->action == STOCKADE_AUDIT && !known))
		report_packet(container, packet, judgement);
	return judgement->action != STOCKADE_BLOCK;
}

/*
 * What meets a listening socket. Over loopback a packet can name any source (raw sockets, IP_TRANSPARENT,
 * IPV6_FREEBIND), and the kernel sends its answer to the true address. So a source that may be elsewhere must be one
 * that the container may connect to, too. Only lo's addresses and the packet's own destination are here for certain.
 */
static __always_inline void judge_met(struct stockade_container *container, const struct packet *packet,
				      struct network_judgement *judgement)
{
	struct network_judgement out = {};

	judge_packet(container, packet, IN, judgement);
	if (!packet->loopback || is_loopback(&packet->remote) || same_address(&packet->remote, &packet->local))
		return;
	judge_packet(container, packet, OUT, &out);
	if (out.action > judgement->action)
		*judgement = out;
}

static __always_inline int filter_tcp(struct __sk_buff *skb, struct bpf_sock *sk, struct stockade_container *container,
				      const struct packet *packet, bool outgoing)
{
	struct connection *connection;
	struct network_judgement judgement = {};
	__u32 direction;
	bool accepted;
	int action;

	connection = bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!connection) {
		judgement_refuse(&judgement, outgoing ? OUT : IN, STOCKADE_INTERNAL);
		return packet_apply(container, packet, &judgement, false);
	}
	if (sk->state == TCP_LISTEN) {
		mark_listener(connection);
		judge_met(container, packet, &judgement);
		return packet_apply(container, packet, &judgement, outgoing || !opens_tcp(skb, packet));
	}
	direction = connection->direction;
	/* The listener accepted the socket, and has reported the SYN. */
	accepted = direction == IN && connection->revision == 0;
	if (outgoing && opens_tcp(skb, packet))
		direction = OUT;
	else if (direction == UNKNOWN)
		direction = find_direction(skb, sk->state, packet);
	action = remembered_action(connection, container, packet, direction);
	if (action >= 0)
		return action != STOCKADE_BLOCK;
	judge_packet(container, packet, direction, &judgement);
	connection_remember(connection, container, packet, &judgement);
	return packet_apply(container, packet, &judgement, accepted);
}

#endif
