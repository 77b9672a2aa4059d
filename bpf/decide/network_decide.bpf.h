/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a policy says of a packet or a call. The hook reads the packet or the call, and carries out what is decided
 * here. Sources/Policy/Decision/NetworkDecision.swift is the same in Swift; a test compares the two.
 */
#ifndef STOCKADE_NETWORK_DECIDE_H
#define STOCKADE_NETWORK_DECIDE_H

#include "lib/audit.bpf.h"
#include "lib/network_maps.bpf.h"

struct network_judgement {
	__u32 action; /* enum stockade_action */
	__u32 rule;
	__u16 reason;	   /* enum stockade_reason */
	__u8 direction;	   /* enum direction: whose rules decided */
	__u8 softened;	   /* a temporary audit made Audit of Block */
	__u32 audit_until; /* the temporary audit in which it was judged; 0: in none */
};

static __always_inline void judgement_refuse(struct network_judgement *judgement, __u32 direction, __u32 reason)
{
	judgement->action = STOCKADE_BLOCK;
	judgement->rule = STOCKADE_NO_RULE;
	judgement->reason = reason;
	judgement->direction = direction;
	judgement->softened = 0;
	judgement->audit_until = 0;
}

/* Called when the judgement is whole. */
static __always_inline void network_soften(struct network_judgement *judgement,
					   const struct stockade_container *container)
{
	judgement->audit_until = stockade_audit_until(container);
	judgement->softened = is_softened(container, judgement->action, judgement->reason);
	if (judgement->softened)
		judgement->action = STOCKADE_AUDIT;
}

/*
 * The ports of a later fragment are not known. A Block rule of the fragment's protocol may mean the fragment. Any other
 * rule means it only if the rule is about every port.
 */
static __always_inline bool range_has_port(const struct stockade_port_range *range, const struct packet *packet,
					   __u16 port)
{
	if (range->protocol == 0)
		return true;
	if (range->protocol != packet->protocol)
		return false;
	if (packet->portless)
		return range->action == STOCKADE_BLOCK || (range->first == 0 && range->last == 65535);
	return range->first <= port && port <= range->last;
}

/* The first entry of the node that matches the packet decides. If none does, the judgement stays as it is. */
__noinline int judge_by_node(const struct stockade_net_node *node, const struct packet *packet,
			     struct network_judgement *judgement)
{
	__u16 port;

	if (!node || !packet || !judgement)
		return -1;
	port = judgement->direction == OUT ? packet->remote_port : packet->local_port;
	for (__u32 i = 0; i < STOCKADE_NET_ENTRIES_MAX; i++) {
		if (i >= node->count)
			break;
		if (!range_has_port(&node->entries[i], packet, port))
			continue;
		judgement->action = node->entries[i].action;
		judgement->rule = node->entries[i].rule;
		judgement->reason = STOCKADE_BY_RULE;
		break;
	}
	return 0;
}

static __always_inline const struct stockade_net_node *find_node4(__u32 direction, __u64 revision, __u32 address)
{
	struct stockade_net_key4 key = {.prefix_bits = 64 + 32};

	__builtin_memcpy(key.revision, &revision, sizeof(revision));
	__builtin_memcpy(key.address, &address, sizeof(address));
	return direction == OUT ? bpf_map_lookup_elem(&egress4, &key) : bpf_map_lookup_elem(&ingress4, &key);
}

static __always_inline const struct stockade_net_node *find_node6(__u32 direction, __u64 revision,
								  const union address *address)
{
	struct stockade_net_key6 key = {.prefix_bits = 64 + 128};

	__builtin_memcpy(key.revision, &revision, sizeof(revision));
	__builtin_memcpy(key.address, address->bytes, sizeof(address->bytes));
	return direction == OUT ? bpf_map_lookup_elem(&egress6, &key) : bpf_map_lookup_elem(&ingress6, &key);
}

/* Judges by the node of the longest prefix that holds the packet's remote address. */
static __always_inline void judge_address(__u64 revision, const struct packet *packet,
					  struct network_judgement *judgement)
{
	__u32 direction = judgement->direction;
	const struct stockade_net_node *node;

	if (is_ipv4(&packet->remote))
		node = find_node4(direction, revision, packet->remote.words[3]);
	else
		node = find_node6(direction, revision, &packet->remote);
	if (node)
		judge_by_node(node, packet, judgement);
	else /* A policy that stands has a node at /0. */
		judgement_refuse(judgement, direction, STOCKADE_POLICY_GONE);
}

/* Judges by a policy. The caller asks afterwards whether the policy stands. */
static __always_inline void judge_by_policy(const struct stockade_policy *policy, __u64 revision,
					    const struct packet *packet, struct network_judgement *judgement)
{
	bool out = judgement->direction == OUT;

	judgement->rule = STOCKADE_NO_RULE;
	judgement->reason = STOCKADE_BY_DEFAULT;
	if (!(policy->flags & (out ? STOCKADE_HAS_EGRESS : STOCKADE_HAS_INGRESS))) {
		judgement->action = STOCKADE_ALLOW;
	} else if (packet->unparsed) {
		judgement->reason = STOCKADE_UNPARSED_PACKET;
		judgement->action = out ? policy->egress_strictest : policy->ingress_strictest;
	} else {
		judgement->action = out ? policy->egress_default : policy->ingress_default;
		judge_address(revision, packet, judgement);
	}
}

/* The first range that holds the port decides. If none does, the port is allowed. */
static __always_inline void judge_port(const struct stockade_policy *policy, const struct packet *packet,
				       struct network_judgement *judgement)
{
	judgement->action = STOCKADE_ALLOW;
	judgement->reason = STOCKADE_BY_DEFAULT;
	for (__u32 i = 0; i < STOCKADE_BIND_RANGES_MAX; i++) {
		if (i >= policy->bind_range_count)
			break;
		if (!range_has_port(&policy->bind_ranges[i], packet, packet->local_port))
			continue;
		judgement->action = policy->bind_ranges[i].action;
		judgement->rule = policy->bind_ranges[i].rule;
		judgement->reason = judgement->rule == STOCKADE_NO_RULE ? STOCKADE_BY_DEFAULT : STOCKADE_BY_RULE;
		break;
	}
}

/*
 * Judges by the policy that the container's entry refers to. If the entry was renewed meanwhile, the caller's copy of
 * the entry is renewed. There is no other copy: before Linux 6.2 the stack has no room for one on the way from an ICMP
 * error.
 */
static __always_inline void judge_by_entry(struct stockade_container *container, const struct packet *packet,
					   __u32 direction, bool is_bind, struct network_judgement *judgement)
{
	for (int attempt = 0; attempt < JUDGE_ATTEMPTS; attempt++) {
		const struct stockade_policy *policy = policy_of(container);

		judgement_refuse(judgement, direction, STOCKADE_POLICY_GONE);
		if (!policy)
			return;
		if (is_bind)
			judge_port(policy, packet, judgement);
		else
			judge_by_policy(policy, container->revision, packet, judgement);
		if (policy_stands(container)) {
			network_soften(judgement, container);
			return;
		}
	}
	judgement_refuse(judgement, direction, STOCKADE_POLICY_GONE);
}

/* Judges the packet's remote side by the rules of `direction`. */
__noinline int judge_packet(struct stockade_container *container, const struct packet *packet, __u32 direction,
			    struct network_judgement *judgement)
{
	if (!container || !packet || !judgement)
		return -1;
	judge_by_entry(container, packet, direction, false, judgement);
	return 0;
}

/* Judges bind(2) to the packet's local port. */
__noinline int judge_bind(struct stockade_container *container, const struct packet *packet,
			  struct network_judgement *judgement)
{
	if (!container || !packet || !judgement)
		return -1;
	judge_by_entry(container, packet, IN, true, judgement);
	return 0;
}

/* Whether the container's policy has a section for `direction`. */
static __always_inline bool has_section(const struct stockade_container *of, __u32 direction)
{
	struct stockade_container container = *of; /* only this copy is renewed */
	struct policy_summary policy;

	return policy_summary_get(&container, &policy) &&
	       policy.flags & (direction == OUT ? STOCKADE_HAS_EGRESS : STOCKADE_HAS_INGRESS);
}

#endif
