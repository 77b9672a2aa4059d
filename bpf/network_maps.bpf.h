/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of the network programs alone; those shared with other programs are in maps.bpf.h. */
#ifndef STOCKADE_NETWORK_MAPS_H
#define STOCKADE_NETWORK_MAPS_H

#include "network_packet.bpf.h"

#define FLOW_IDLE_NS	(STOCKADE_FLOW_IDLE_SECONDS * 1000000000ULL)
#define FLOW_REFRESH_NS 1000000000ULL

/*
 * Id of the cgroup that a program is attached to -> the container that the program runs for. Sockets of cgroups below
 * have the same. Writer: the daemon, after the attach.
 */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct stockade_network_container);
} network_container SEC(".maps");

/* The address prefixes of policies. Writer: the daemon, before the policy; never changed. Full: profile refused. */
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
 * Socket -> for TCP its connection and the last verdict on it, for other sockets the verdict on connect(). Writers and
 * readers: the programs. It goes with the socket. An accepted socket starts with a copy of its listener's.
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
 * Cgroup id -> a container's flows: who began to speak, for all protocols but TCP. The daemon makes the inner table
 * before the container has rules. Writers and readers of its elements: the programs. Full: the kernel forgets the
 * container's flow that was unused for longest. The next packet of that flow is judged by its own direction.
 */
struct flow_key {
	union address remote;
	__u16 local_port, remote_port;
	__u8 protocol;
	/* As the packet has it. On loopback any address can be forged, and must open no way to the true address. */
	__u8 loopback;
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
