/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a packet or a call to the verdict of a policy. */
#ifndef STOCKADE_NETWORK_JUDGE_H
#define STOCKADE_NETWORK_JUDGE_H

#include "network_maps.bpf.h"

struct bound {
	__u64 cgroup_id;
	__u64 revision;
	__u32 found; /* 0: the container has no entry any more */
	__u32 pad;
};

struct network_judgement {
	__u32 action; /* enum stockade_action */
	__u32 rule;
	__u32 reason;	 /* enum stockade_reason */
	__u32 direction; /* enum direction: whose rules decided */
};

/* The container that the program is attached for. False: it is not open yet. */
static __always_inline bool find_bound(struct bound *bound)
{
	struct stockade_network_container *own = bpf_get_local_storage(&network_container, 0);
	struct stockade_container container;

	bound->cgroup_id = own->cgroup_id;
	if (!bound->cgroup_id)
		return false;
	bound->found = container_get(bound->cgroup_id, &container);
	if (bound->found)
		bound->revision = container.revision;
	return true;
}

static __always_inline void denial_set(struct network_judgement *judgement, __u32 direction, __u32 reason)
{
	judgement->action = STOCKADE_BLOCK;
	judgement->rule = STOCKADE_NO_RULE;
	judgement->reason = reason;
	judgement->direction = direction;
}

/*
 * Of a later fragment the ports are unknown: a Block rule of its protocol may mean it, any other rule only when it
 * means every port.
 */
static __always_inline bool port_matches(const struct stockade_port_range *range, const struct packet *packet,
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

__noinline int first_match(const struct stockade_net_node *node, const struct packet *packet,
			   struct network_judgement *judgement)
{
	__u16 port;

	if (!node || !packet || !judgement)
		return -1;
	port = judgement->direction == OUT ? packet->remote_port : packet->local_port;
	for (__u32 i = 0; i < STOCKADE_NET_ENTRIES_MAX; i++) {
		if (i >= node->count)
			break;
		if (!port_matches(&node->entries[i], packet, port))
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

/* Whoever reads it compares `revision` afterwards: the element may be another policy's by then. */
static __always_inline const struct stockade_policy *find_policy(const struct bound *bound)
{
	/* On the stack, since Linux 6.1 takes no key from a function's argument. */
	__u64 revision = bound->revision;

	return bound->found ? bpf_map_lookup_elem(&policies, &revision) : NULL;
}

/* Judges the packet's remote side under the rules of `direction`. */
__noinline int judge_packet(const struct bound *bound, const struct packet *packet, __u32 direction,
			    struct network_judgement *judgement)
{
	const struct stockade_net_node *node;
	const struct stockade_policy *policy;

	if (!bound || !packet || !judgement)
		return -1;
	denial_set(judgement, direction, STOCKADE_POLICY_GONE);
	policy = find_policy(bound);
	if (!policy)
		return 0;
	__u32 flags = policy->flags;
	__u32 by_default = direction == OUT ? policy->egress_default : policy->ingress_default;
	__u32 strictest = direction == OUT ? policy->egress_strictest : policy->ingress_strictest;
	barrier();
	if (policy->revision != bound->revision)
		return 0;
	judgement->reason = STOCKADE_BY_DEFAULT;
	judgement->action = by_default;
	if (!(flags & (direction == OUT ? STOCKADE_HAS_EGRESS : STOCKADE_HAS_INGRESS))) {
		judgement->action = STOCKADE_ALLOW;
		return 0;
	}
	if (packet->unparsed) {
		judgement->reason = STOCKADE_UNPARSED_PACKET;
		judgement->action = strictest;
		return 0;
	}
	if (is_ipv4(&packet->remote))
		node = find_node4(direction, bound->revision, packet->remote.words[3]);
	else
		node = find_node6(direction, bound->revision, &packet->remote);
	if (!node) {
		/* There is one at /0 as long as the policy lives. */
		denial_set(judgement, direction, STOCKADE_POLICY_GONE);
		return 0;
	}
	return first_match(node, packet, judgement);
}

/* Whether the policy has a section for `direction`. */
static __always_inline bool has_section(const struct bound *bound, __u32 direction)
{
	const struct stockade_policy *policy = find_policy(bound);

	return policy && policy->flags & (direction == OUT ? STOCKADE_HAS_EGRESS : STOCKADE_HAS_INGRESS);
}

#endif
