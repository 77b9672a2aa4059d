// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The network rules. A link attaches a program to a container's cgroup, if the container's profile needs the program:
 *   cgroup_skb/ingress, cgroup_skb/egress   judge every packet of the container's sockets, and drop what is refused
 *   cgroup/connect4|6, cgroup/sendmsg4|6    judge calls by the egress rules; a refused call fails at once with EPERM
 *   cgroup/bind4|6                          refuse the ports that the ingress rules refuse to every peer
 * One program is attached to the root of the hierarchy:
 *   cgroup/sock_create                      lets no task that left its container's cgroup make a socket outside
 * A program returns 1 to let the packet or the call pass, and 0 to refuse it.
 */
#include "lib/vmlinux.h"
#include "lib/uapi_network.h"
#include <bpf/bpf_helpers.h>
#include "stockade.h"
#include "hooks/network_tcp.bpf.h"
#include "hooks/network_calls.bpf.h"
#include "lib/strays.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline int filter_packet(struct __sk_buff *skb, bool outgoing)
{
	struct bpf_sock *sk = skb->sk;
	struct packet packet = {};
	struct stockade_container container = {};

	if (!attached_container(&container) || !sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	parse_packet(skb, outgoing, &packet);
	/* The kernel has no connection for the TCP packets of a raw socket. */
	if (packet.protocol == IPPROTO_TCP && sk->type == SOCK_STREAM && !packet.portless && !packet.unparsed)
		return filter_tcp(skb, sk, &container, &packet, outgoing);
	return filter_flow(skb, sk, &container, &packet, outgoing);
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
 * Whether a stray of this container may make a socket. The container's network rules would not see the socket, so the
 * stray may make one only if there are no such rules. The kernel asks for AF_INET and AF_INET6 alone.
 */
static __always_inline bool stray_may_make_socket(struct stockade_container *container)
{
	struct policy_summary policy;

	if (!container_get(container->cgroup_id, container))
		return false;
	/* The container was let through without a profile. */
	if (!container->revision)
		return true;
	return policy_summary_get(container, &policy) && !(policy.flags & (STOCKADE_HAS_EGRESS | STOCKADE_HAS_INGRESS));
}

SEC("cgroup/sock_create")
int network_stray(struct bpf_sock *socket)
{
	struct stockade_container container = {.cgroup_id = stray_of((struct task_struct *)bpf_get_current_task())};

	if (!container.cgroup_id || stray_may_make_socket(&container))
		return 1;
	report_stray(&container, socket->family, socket->protocol);
	return 0;
}
