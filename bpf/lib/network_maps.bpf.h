/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of the network programs alone. The maps that other programs use as well are in maps.bpf.h. */
#ifndef STOCKADE_NETWORK_MAPS_H
#define STOCKADE_NETWORK_MAPS_H

#include "lib/maps.bpf.h"
#include "lib/network_packet.bpf.h"

#define FLOW_IDLE_NS	(STOCKADE_FLOW_IDLE_SECONDS * 1000000000ULL)
#define FLOW_REFRESH_NS 1000000000ULL

/*
 * Id of the cgroup that a program is attached to -> the container that the program runs for. The sockets of the cgroups
 * below have the same container. Writer: the daemon, after the attach.
 */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct stockade_network_container);
} network_container SEC(".maps");

/*
 * The address prefixes of policies. Writer: the daemon, before it writes the policy. An element is never changed. Full:
 * the profile is refused.
 */
struct prefixes4 {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, STOCKADE_NET_PREFIXES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct stockade_net_key4);
	__type(value, struct stockade_net_node);
};
struct prefixes6 {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, STOCKADE_NET_PREFIXES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct stockade_net_key6);
	__type(value, struct stockade_net_node);
};
struct prefixes4 egress4 SEC(".maps"), ingress4 SEC(".maps");
struct prefixes6 egress6 SEC(".maps"), ingress6 SEC(".maps");

enum direction { UNKNOWN = 0, OUT = 1, IN = 2 };

/*
 * Socket -> of a TCP socket the connection and the last verdict on it, of another socket the verdict on connect().
 * Writers and readers: the programs. The element ends with the socket. An accepted socket starts with a copy of its
 * listener's element.
 */
struct connection {
	struct bpf_spin_lock lock;
	__u32 direction; /* enum direction */
	__u64 revision;	 /* of the policy that judged; 0: none has */
	union address remote;
	__u16 port; /* the one that the rules look at: with OUT the remote port, with IN the local port */
	__u16 action;
	__u32 audit_until; /* as in a judgement */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct connection);
} connections SEC(".maps");

/*
 * Cgroup id -> a container's flows: who began to speak, for all protocols but TCP. The daemon makes the inner table
 * before the container has rules. Writers and readers of its elements: the programs. Full: the kernel forgets the
 * container's flow that was unused for longest. The next packet of that flow is judged by its own direction.
 */
struct flow_key {
	union address remote;
	__u16 local_port, remote_port;
	__u8 protocol;
	/* Copied from the packet. On loopback any address can be forged, and must open no way to the true address. */
	__u8 loopback;
	__u8 pad[2];
};

struct flow {
	__u64 seen_ns;	/* bpf_ktime_get_ns */
	__u64 revision; /* of the policy that allowed the flow */
	__u32 direction;
	/* As in a judgement. An earlier Stockade wrote the action here. A flow that it audited is judged anew. */
	__u32 audit_until;
};

struct flow_table {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STOCKADE_FLOWS_OF_CONTAINER_MAX);
	/* By size, since clang writes no types for what only an inner map has. */
	__uint(key_size, sizeof(struct flow_key));
	__uint(value_size, sizeof(struct flow));
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STOCKADE_CONTAINERS_MAX);
	__type(key, __u64);
	__array(values, struct flow_table);
} flows SEC(".maps");

/*
 * The entry of the container that the program is attached for. False: the daemon has not told yet which container that
 * is. A container that is gone has an entry of which nothing but the id is set.
 */
static __always_inline bool attached_container(struct stockade_container *container)
{
	struct stockade_network_container *own = bpf_get_local_storage(&network_container, 0);

	container->cgroup_id = own->cgroup_id;
	if (!container->cgroup_id)
		return false;
	container_get(container->cgroup_id, container);
	return true;
}

#endif
