/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Socket calls. A refused call fails at once, where the caller of a dropped packet would wait. The packets are judged
 * all the same, so nothing depends on whether a program saw the call.
 */
#ifndef STOCKADE_NETWORK_CALLS_H
#define STOCKADE_NETWORK_CALLS_H

#include "lib/network_flows.bpf.h"
#include "hooks/network_tcp.bpf.h"

static __always_inline __u8 call_protocol(const struct bpf_sock_addr *call)
{
	return call->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : call->protocol;
}

/* Writes the call's address into a packet, as the packet's remote side. */
static __always_inline void call_as_packet(struct bpf_sock_addr *call, bool ipv6, struct packet *packet)
{
	if (ipv6) {
		packet->remote.words[0] = call->user_ip6[0];
		packet->remote.words[1] = call->user_ip6[1];
		packet->remote.words[2] = call->user_ip6[2];
		packet->remote.words[3] = call->user_ip6[3];
	} else {
		set_ipv4(&packet->remote, call->user_ip4);
	}
	packet->remote_port = bpf_ntohs((__be16)call->user_port);
	packet->protocol = call_protocol(call);
}

/*
 * The kernel connects to the unspecified address over loopback. The packets show which loopback address the kernel has
 * chosen.
 */
static __always_inline void resolve_unspecified(struct packet *packet)
{
	if (is_ipv4(&packet->remote) && packet->remote.words[3] == 0)
		packet->remote.words[3] = bpf_htonl(INADDR_LOOPBACK);
	else if (packet->remote.halves[0] == 0 && packet->remote.halves[1] == 0)
		packet->remote.bytes[15] = 1;
}

/* Remembers an audited call's verdict with the call's socket. The socket's packets are then not reported once more. */
static __always_inline void remember_call(struct bpf_sock_addr *call, const struct stockade_container *container,
					  const struct packet *packet, const struct network_judgement *judgement)
{
	struct bpf_sock *sk = call->sk;
	struct connection *connection;

	if (!sk)
		return;
	connection = bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (connection)
		connection_remember(connection, container, packet, judgement);
}

/*
 * Whether a flow is open between the call's two sides. The device by which the packet will leave is not known yet, so a
 * flow over any device counts. The packet is judged when the device is known.
 */
static __always_inline bool answers_client(struct stockade_container *container, struct packet *packet)
{
	__u64 now = bpf_ktime_get_ns();
	bool found = packet->local_port && in_flow(container, packet, now);

	if (packet->local_port && !found) {
		packet->loopback = 1;
		found = in_flow(container, packet, now);
		packet->loopback = 0;
	}
	return found;
}

/* Judges connect() and sendto(). 1: the call goes on. 0: the call fails with EPERM. */
static __always_inline int filter_call(struct bpf_sock_addr *call, bool ipv6, __u32 kind)
{
	struct bpf_sock *sk = call->sk;
	struct packet packet = {};
	struct stockade_container container = {};
	struct network_judgement judgement = {};

	if (!attached_container(&container))
		return 0;
	call_as_packet(call, ipv6, &packet);
	resolve_unspecified(&packet);
	if (sk)
		packet.local_port = sk->src_port;
	if (packet.protocol != IPPROTO_TCP && answers_client(&container, &packet))
		return 1;
	judge_packet(&container, &packet, OUT, &judgement);
	if (judgement.action == STOCKADE_ALLOW)
		return 1;
	report_call(&container, &packet, &judgement, kind);
	if (judgement.action == STOCKADE_BLOCK)
		return 0;
	remember_call(call, &container, &packet, &judgement);
	return 1;
}

static __always_inline int filter_bind(struct bpf_sock_addr *call, bool ipv6)
{
	struct packet packet = {};
	struct stockade_container container = {};
	struct network_judgement judgement = {};

	if (!attached_container(&container))
		return 0;
	call_as_packet(call, ipv6, &packet);
	packet.local_port = packet.remote_port;
	packet.remote_port = 0;
	/* Port 0 leaves the choice to the kernel, and is always allowed. */
	if (packet.local_port == 0)
		return 1;
	judge_bind(&container, &packet, &judgement);
	if (judgement.action != STOCKADE_ALLOW)
		report_call(&container, &packet, &judgement, STOCKADE_EVENT_BIND);
	return judgement.action != STOCKADE_BLOCK;
}

#endif
