/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of the network programs alone; those shared with other programs are in maps.bpf.h. */
#ifndef STOCKADE_NETWORK_MAPS_H
#define STOCKADE_NETWORK_MAPS_H

#include "network_packet.bpf.h"

#define FLOW_IDLE_NS	(STOCKADE_FLOW_IDLE_SECONDS * 1000000000ULL)
#define FLOW_REFRESH_NS 1000000000ULL

/*
 * Which container a program runs for; key: id of the cgroup that it is attached to, also for sockets of nested ones.
 * Written by the daemon after the attach.
 */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct stockade_network_container);
} network_container SEC(".maps");

/* The policies' address prefixes. Written by the daemon before a policy is; never changed; full: no install. */
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
 * A TCP socket's connection, and the last verdict on it; of other sockets what connect() said. Written and read by the
 * programs only; gone with the socket. A socket that is accepted starts with its listener's copy.
 */
struct connection {
	struct bpf_spin_lock lock;
	__u32 direction; /* enum direction */
	__u64 revision;	 /* that judged; 0: none yet */
	union address remote;
	__u16 port; /* that the rules look at: OUT the remote one, IN the local one */
	__u16 action;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct connection);
} connections SEC(".maps");

/*
 * Cgroup id -> a container's flows: who began to speak, for all but TCP. The table is made by the daemon, before the
 * container has rules; its elements are written and read by the programs only, when an answer could need them. Full:
 * the container's own flow that was unused for longest goes, and its next packet is judged by the way that it goes.
 */
struct flow_key {
	union address remote;
	__u16 local_port, remote_port;
	__u8 protocol;
	__u8 loopback; /* apart, since there anybody can be forged: no way to the true address may be opened there */
	__u8 pad[2];
};

struct flow {
	__u64 seen_ns;	/* bpf_ktime_get_ns */
	__u64 revision; /* that allowed it */
	__u32 direction;
	__u32 action;
};

struct flow_table {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STOCKADE_FLOWS_OF_CONTAINER_MAX);
	/* By size: clang tells no types of what only an inner map has. */
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

#endif
