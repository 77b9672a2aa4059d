/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Socket calls: refused at once, where a dropped packet would let the caller wait. Packets are judged all the same,
 * so nothing depends on a call having been seen.
 */
#ifndef STOCKADE_NETWORK_CALLS_H
#define STOCKADE_NETWORK_CALLS_H

#include "network_flows.bpf.h"
#include "network_tcp.bpf.h"

static __always_inline __u8 call_protocol(const struct bpf_sock_addr *call)
{
	return call->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : call->protocol;
}

/* The call's address as a packet's remote side. */
static __always_inline void set_remote(struct bpf_sock_addr *call, bool ipv6, struct packet *packet)
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

/* To the unspecified address the kernel connects over loopback. The packets show which address it took. */
static __always_inline void resolve_unspecified(struct packet *packet)
{
	if (is_ipv4(&packet->remote) && packet->remote.words[3] == 0)
		packet->remote.words[3] = bpf_htonl(INADDR_LOOPBACK);
	else if (packet->remote.halves[0] == 0 && packet->remote.halves[1] == 0)
		packet->remote.bytes[15] = 1;
}

/* Keeps an audited call's verdict on its socket, so that its packets are not reported once more. */
static __always_inline void keep_call(struct bpf_sock_addr *call, const struct bound *bound,
				      const struct packet *packet, const struct network_judgement *judgement)
{
	struct bpf_sock *sk = call->sk;
	struct connection *connection;

	if (!sk)
		return;
	connection = bpf_sk_storage_get(&connections, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (connection)
		connection_remember(connection, bound, packet, judgement);
}

/* Whether a flow is open that way. Over which device the packet will leave is not known yet; it is judged by then. */
static __always_inline bool answers_client(const struct bound *bound, struct packet *packet)
{
	__u64 now = bpf_ktime_get_ns();
	bool found = packet->local_port && in_flow(bound, packet, now);

	if (packet->local_port && !found) {
		packet->loopback = 1;
		found = in_flow(bound, packet, now);
		packet->loopback = 0;
	}
	return found;
}

/* connect() and sendto(): 1 goes on, 0 fails with EPERM. */
static __always_inline int filter_call(struct bpf_sock_addr *call, bool ipv6, __u32 kind)
{
	struct bpf_sock *sk = call->sk;
	struct packet packet = {};
	struct bound bound = {};
	struct network_judgement judgement = {};

	if (!find_bound(&bound))
		return 0;
	set_remote(call, ipv6, &packet);
	resolve_unspecified(&packet);
	if (sk)
		packet.local_port = sk->src_port;
	if (packet.protocol != IPPROTO_TCP && answers_client(&bound, &packet))
		return 1;
	judge_packet(&bound, &packet, OUT, &judgement);
	if (judgement.action == STOCKADE_ALLOW)
		return 1;
	report_call(&bound, &packet, &judgement, kind);
	if (judgement.action == STOCKADE_BLOCK)
		return 0;
	keep_call(call, &bound, &packet, &judgement);
	return 1;
}

/* The first range that holds the port decides; port 0 is the kernel's choice and always allowed. */
__noinline int judge_bind(const struct bound *bound, const struct packet *packet, struct network_judgement *judgement)
{
	const struct stockade_policy *policy;

	if (!bound || !packet || !judgement)
		return -1;
	denial_set(judgement, IN, STOCKADE_POLICY_GONE);
	policy = find_policy(bound);
	if (!policy)
		return 0;
	__u32 action = STOCKADE_ALLOW, rule = STOCKADE_NO_RULE;
	for (__u32 i = 0; i < STOCKADE_BIND_RANGES_MAX; i++) {
		if (i >= policy->bind_range_count)
			break;
		if (!port_matches(&policy->bind_ranges[i], packet, packet->local_port))
			continue;
		action = policy->bind_ranges[i].action;
		rule = policy->bind_ranges[i].rule;
		break;
	}
	barrier();
	if (policy->revision != bound->revision)
		return 0;
	judgement->action = action;
	judgement->rule = rule;
	judgement->reason = rule == STOCKADE_NO_RULE ? STOCKADE_BY_DEFAULT : STOCKADE_BY_RULE;
	return 0;
}

static __always_inline int filter_bind(struct bpf_sock_addr *call, bool ipv6)
{
	struct packet packet = {};
	struct bound bound = {};
	struct network_judgement judgement = {};

	if (!find_bound(&bound))
		return 0;
	set_remote(call, ipv6, &packet);
	packet.local_port = packet.remote_port;
	packet.remote_port = 0;
	if (packet.local_port == 0)
		return 1;
	judge_bind(&bound, &packet, &judgement);
	if (judgement.action != STOCKADE_ALLOW)
		report_call(&bound, &packet, &judgement, STOCKADE_EVENT_BIND);
	return judgement.action != STOCKADE_BLOCK;
}

#endif
