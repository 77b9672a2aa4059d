// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The network rules. Attached by a link per container cgroup, only those that its profile needs:
 *   cgroup_skb/ingress, cgroup_skb/egress   every packet of the container's sockets: what is refused is dropped
 *   cgroup/connect4|6, cgroup/sendmsg4|6    egress rules, refused at once with EPERM
 *   cgroup/bind4|6                          ports that ingress rules refuse to every peer
 * and once at the root of the hierarchy:
 *   cgroup/sock_create                      tasks that left their container's cgroup make no sockets outside it
 * Return 1 lets go on, 0 refuses.
 */
#include "vmlinux.h"
#include "uapi_network.h"
#include <bpf/bpf_helpers.h>
#include "stockade.h"
#include "network_tcp.bpf.h"
#include "network_calls.bpf.h"
#include "strays.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline int filter_packet(struct __sk_buff *skb, bool outgoing)
{
	struct bpf_sock *sk = skb->sk;
	struct packet packet = {};
	struct bound bound = {};

	if (!find_bound(&bound) || !sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	parse_packet(skb, outgoing, &packet);
	/* A raw socket's TCP is no connection of the kernel's. */
	if (packet.protocol == IPPROTO_TCP && sk->type == SOCK_STREAM && !packet.portless && !packet.unparsed)
		return filter_tcp(skb, sk, &bound, &packet, outgoing);
	return filter_flow(skb, sk, &bound, &packet, outgoing);
}

SEC("cgroup_skb/egress")
int network_egress(struct __sk_buff *skb)
{
	return filter_packet(skb, true);
}

SEC("cgroup_skb/ingress")
int network_ingress(struct __sk_buff *skb)
{
	return filter_packet(skb, false);
}

SEC("cgroup/connect4")
int network_connect4(struct bpf_sock_addr *call)
{
	return filter_call(call, false, STOCKADE_EVENT_CONNECT);
}

SEC("cgroup/connect6")
int network_connect6(struct bpf_sock_addr *call)
{
	return filter_call(call, true, STOCKADE_EVENT_CONNECT);
}

SEC("cgroup/sendmsg4")
int network_sendmsg4(struct bpf_sock_addr *call)
{
	return filter_call(call, false, STOCKADE_EVENT_SENDMSG);
}

SEC("cgroup/sendmsg6")
int network_sendmsg6(struct bpf_sock_addr *call)
{
	return filter_call(call, true, STOCKADE_EVENT_SENDMSG);
}

SEC("cgroup/bind4")
int network_bind4(struct bpf_sock_addr *call)
{
	return filter_bind(call, false);
}

SEC("cgroup/bind6")
int network_bind6(struct bpf_sock_addr *call)
{
	return filter_bind(call, true);
}

/*
 * Whether a stray of this container may make a socket: the rules would not see it, so only without network rules.
 * The kernel asks for AF_INET and AF_INET6 alone.
 */
static __always_inline bool stray_may(struct bound *bound)
{
	struct stockade_container container;
	const struct stockade_policy *policy;

	bound->found = container_get(bound->cgroup_id, &container);
	if (!bound->found)
		return false;
	bound->revision = container.revision;
	if (bound->revision == 0)
		return true;
	policy = find_policy(bound);
	return policy && !(policy->flags & (STOCKADE_HAS_EGRESS | STOCKADE_HAS_INGRESS)) &&
	       policy->revision == bound->revision;
}

SEC("cgroup/sock_create")
int network_stray(struct bpf_sock *socket)
{
	struct bound bound = {.cgroup_id = stray_of((struct task_struct *)bpf_get_current_task())};

	if (!bound.cgroup_id || stray_may(&bound))
		return 1;
	report_stray(&bound, socket->family, socket->protocol);
	return 0;
}
