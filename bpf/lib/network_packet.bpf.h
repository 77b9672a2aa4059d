/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads from a packet what the rules look at. An attacker may have written every byte, since a container can have a raw
 * socket. bpf_skb_load_bytes checks every length. A packet that cannot be read for sure is called unparsed, and nothing
 * is guessed. The verifier checks each global function once and by itself, so such a function asks whether its pointers
 * are NULL.
 */
#ifndef STOCKADE_NETWORK_PACKET_H
#define STOCKADE_NETWORK_PACKET_H

#include <bpf/bpf_endian.h>

#define IPV4_HEADER_BYTES    20
#define IPV4_OPTIONS_MAX     40 /* 15 words without the header */
#define IPV6_HEADER_BYTES    40
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_FRAGMENT_OFFSET 0xfff8

#define IPV4_OPTION_END		  0
#define IPV4_OPTION_NOP		  1
#define IPV4_OPTION_LOOSE_SOURCE  131
#define IPV4_OPTION_STRICT_SOURCE 137

#define LOOPBACK_IFINDEX 1 /* in every network namespace */
#define PACKET_LOOPBACK	 5 /* of skb->pkt_type; linux/if_packet.h */

#define ICMP_ERROR_HEADER_BYTES 8

/* An IPv4 address is held as ::ffff:a.b.c.d. So a mapped IPv6 address is judged as the IPv4 address that it means. */
union address {
	__u8 bytes[16];
	__u32 words[4];
	__u64 halves[2];
};

struct packet {
	union address local, remote;
	__u16 local_port, remote_port; /* in host order; the identifier of an ICMP echo is its local_port */
	__u8 protocol;
	__u8 unparsed;
	__u8 portless;	 /* the packet is a later fragment, and its ports are in another packet */
	__u8 icmp_error; /* the packet carries the head of the packet that it is about */
	__u8 loopback;	 /* this host sent it: over lo, or as a copy of a multicast or broadcast for its own sockets */
	__u8 pad[3];
	__u32 transport; /* offset of the transport header */
};

struct ipv4_header {
	__u8 version_and_words;
	__u8 service;
	__be16 length, id, fragment;
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__be32 source, destination;
};

struct ipv6_header {
	__u8 version_and_class;
	__u8 flow[3];
	__be16 length;
	__u8 next;
	__u8 hops;
	__u64 source[2], destination[2];
};

static __always_inline void set_ipv4(union address *address, __be32 ipv4)
{
	address->halves[0] = 0;
	address->words[2] = bpf_htonl(0xffff);
	address->words[3] = ipv4;
}

static __always_inline bool is_ipv4(const union address *address)
{
	return address->halves[0] == 0 && address->words[2] == bpf_htonl(0xffff);
}

static __always_inline bool same_address(const union address *a, const union address *b)
{
	return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

static __always_inline bool is_loopback(const union address *address)
{
	if (is_ipv4(address))
		return address->bytes[12] == 127;
	return address->halves[0] == 0 && address->words[2] == 0 && address->words[3] == bpf_htonl(1);
}

/* 0, or -1: unparsed. A source route is unparsed, since it names another destination than the header does. */
__noinline int check_ipv4_options(struct __sk_buff *skb, __u32 start, __u32 end)
{
	__u8 option[2];

	for (int i = 0; i < IPV4_OPTIONS_MAX; i++) {
		if (start >= end)
			return 0;
		if (bpf_skb_load_bytes(skb, start, option, 1))
			return -1;
		if (option[0] == IPV4_OPTION_END)
			return 0;
		if (option[0] == IPV4_OPTION_NOP) {
			start += 1;
			continue;
		}
		if (option[0] == IPV4_OPTION_LOOSE_SOURCE || option[0] == IPV4_OPTION_STRICT_SOURCE)
			return -1;
		if (bpf_skb_load_bytes(skb, start, option, 2) || option[1] < 2)
			return -1;
		start += option[1];
	}
	return start >= end ? 0 : -1;
}

/* Reads the header at `start` as that of an outgoing packet, whose source is the local side. 0, or -1: unparsed. */
__noinline int parse_ipv4(struct __sk_buff *skb, __u32 start, struct packet *packet)
{
	struct ipv4_header header;

	if (!packet)
		return -1;
	if (bpf_skb_load_bytes(skb, start, &header, sizeof(header)))
		return -1;
	__u32 bytes = (header.version_and_words & 15) * 4;
	if (header.version_and_words >> 4 != 4 || bytes < IPV4_HEADER_BYTES)
		return -1;
	set_ipv4(&packet->local, header.source);
	set_ipv4(&packet->remote, header.destination);
	packet->protocol = header.protocol;
	packet->portless = (header.fragment & bpf_htons(IPV4_FRAGMENT_OFFSET)) != 0;
	packet->transport = start + bytes;
	return check_ipv4_options(skb, start + IPV4_HEADER_BYTES, start + bytes);
}

static __always_inline bool is_ipv6_extension(__u8 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS ||
	       protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_AH;
}

/*
 * Steps over one extension header at packet->transport. 0, or -1: unparsed. A routing header with segments left names
 * another destination. A later fragment that begins with an extension header hides its protocol.
 */
static __always_inline int skip_ipv6_extension(struct __sk_buff *skb, struct packet *packet)
{
	/* The next header and the length; then of a routing header type and segments left, of a fragment offset and
	 * flags. */
	__u8 header[4];
	__u8 kind = packet->protocol;

	if (bpf_skb_load_bytes(skb, packet->transport, header, sizeof(header)))
		return -1;
	if (kind == IPPROTO_ROUTING && header[3] != 0)
		return -1;
	packet->protocol = header[0];
	if (kind == IPPROTO_FRAGMENT) {
		packet->portless = ((header[2] << 8 | header[3]) & IPV6_FRAGMENT_OFFSET) != 0;
		if (packet->portless && is_ipv6_extension(packet->protocol))
			return -1;
		packet->transport += 8;
	} else if (kind == IPPROTO_AH) {
		packet->transport += (header[1] + 2) * 4;
	} else {
		packet->transport += (header[1] + 1) * 8;
	}
	return 0;
}

__noinline int parse_ipv6(struct __sk_buff *skb, __u32 start, struct packet *packet)
{
	struct ipv6_header header;

	if (!packet)
		return -1;
	if (bpf_skb_load_bytes(skb, start, &header, sizeof(header)) || header.version_and_class >> 4 != 6)
		return -1;
	packet->local.halves[0] = header.source[0];
	packet->local.halves[1] = header.source[1];
	packet->remote.halves[0] = header.destination[0];
	packet->remote.halves[1] = header.destination[1];
	packet->protocol = header.next;
	packet->portless = 0;
	packet->transport = start + IPV6_HEADER_BYTES;
	for (int i = 0; i < STOCKADE_IPV6_EXTENSIONS_MAX; i++) {
		if (packet->portless || !is_ipv6_extension(packet->protocol))
			return 0;
		if (skip_ipv6_extension(skb, packet))
			return -1;
	}
	return is_ipv6_extension(packet->protocol) && !packet->portless ? -1 : 0;
}

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

static __always_inline int parse_icmp(struct __sk_buff *skb, struct packet *packet)
{
	bool v4 = packet->protocol == IPPROTO_ICMP;
	__u8 type;
	__be16 identifier;

	if (bpf_skb_load_bytes(skb, packet->transport, &type, sizeof(type)))
		return -1;
	/* An echo or its reply has an identifier. */
	if (v4 ? type == 0 || type == 8 : type == 128 || type == 129) {
		if (bpf_skb_load_bytes(skb, packet->transport + 4, &identifier, sizeof(identifier)))
			return -1;
		packet->local_port = bpf_ntohs(identifier);
	}
	/* Unreachable, quench, redirect, exceeded, parameter; ICMPv6 has its errors below 128. */
	packet->icmp_error = v4 ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12 : type < 128;
	return 0;
}

__noinline int parse_transport(struct __sk_buff *skb, struct packet *packet)
{
	__be16 ports[2];

	if (!packet)
		return -1;
	if (packet->portless)
		return 0;
	if (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6)
		return parse_icmp(skb, packet);
	if (!has_ports(packet->protocol))
		return 0;
	if (bpf_skb_load_bytes(skb, packet->transport, ports, sizeof(ports)))
		return -1;
	packet->local_port = bpf_ntohs(ports[0]);
	packet->remote_port = bpf_ntohs(ports[1]);
	return 0;
}

/* Whether the packet has SYN and no ACK. A packet whose header is too short to tell opens no connection. */
static __always_inline bool opens_tcp(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 flags;

	if (bpf_skb_load_bytes(skb, packet->transport + 13, &flags, sizeof(flags)))
		return false;
	return (flags & 0x12) == 0x02;
}

static __always_inline void swap_sides(struct packet *packet)
{
	union address address = packet->local;
	__u16 port = packet->local_port;

	packet->local = packet->remote;
	packet->remote = address;
	if (has_ports(packet->protocol)) {
		packet->local_port = packet->remote_port;
		packet->remote_port = port;
	}
}

/* Fills `packet`, which is zero. If something cannot be read, the packet is `unparsed`; its addresses may be set. */
static __always_inline void parse_packet(struct __sk_buff *skb, bool outgoing, struct packet *packet)
{
	int failed;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		failed = parse_ipv4(skb, 0, packet);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		failed = parse_ipv6(skb, 0, packet);
	else
		failed = -1;
	packet->unparsed = failed || parse_transport(skb, packet);
	/* A copy names the device by which the packet goes out. The kernel may make the copy before the packet is
	 * judged. */
	packet->loopback = skb->ifindex == LOOPBACK_IFINDEX || skb->pkt_type == PACKET_LOOPBACK;
	if (!outgoing)
		swap_sides(packet);
}

/*
 * Reads the packet that an ICMP error is about, which this side sent. 0: `inner` holds its protocol, addresses and
 * ports. -1: the packet is cut too short, or this side cannot have sent it.
 */
static __always_inline int parse_inner(struct __sk_buff *skb, const struct packet *packet, struct packet *inner)
{
	__u32 start = packet->transport + ICMP_ERROR_HEADER_BYTES;
	int failed = packet->protocol == IPPROTO_ICMP ? parse_ipv4(skb, start, inner) : parse_ipv6(skb, start, inner);

	return failed || inner->portless || parse_transport(skb, inner) ? -1 : 0;
}

#endif
