/*
 * Connections that a listening socket seems to get from a peer, and that the container has begun itself: over loopback
 * it sends a SYN in the peer's name. If the kernel answers, the answer leaves for the peer, who could go on.
 */
#include "attack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OTHER_END "veth0"
#define SERVER_4  "10.77.0.1"
#define SERVER_6  "fd77::1"
#define PORT	  7000
#define ANY_PORT  40000

#define ANSWER_SECONDS 1
#define SYN_ACK	       0x12

/* What is sent to this network is seen at its other end, which the kernel names. Nobody needs to be there. */
static const char make_network[] =
	"ip() { /bin/busybox ip \"$@\"; } && ip link add peer0 type veth && ip link set peer0 arp off && "
	"ip link set peer0 up && ip link set veth0 up && ip addr add 10.77.0.1/24 dev peer0 && "
	"ip addr add fd77::1/64 dev peer0";

/* ADDRESS as a socket's, of the family that it belongs to. */
static socklen_t parse(const char *text, unsigned short port, struct sockaddr_storage *address)
{
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1)
		unavailable("no address");
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	return sizeof(*six);
}

static const char *server_of(const char *peer)
{
	return strchr(peer, ':') ? SERVER_6 : SERVER_4;
}

static void prepare(const char *peer)
{
	struct sockaddr_storage address;
	socklen_t length = parse(server_of(peer), PORT, &address);
	int listener = (int)need(socket(address.ss_family, SOCK_STREAM, 0), "socket"), yes = 1;

	/* An earlier act has made it. */
	if (!if_nametoindex(OTHER_END) && system(make_network) != 0)
		unavailable("no network could be made");
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	need(bind(listener, (struct sockaddr *)&address, length), server_of(peer));
	need(listen(listener, 1), "listen");
}

/* Sees every packet that leaves for the peer's network. */
static int watch(void)
{
	struct sockaddr_ll device = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	int watcher = (int)need(socket(AF_PACKET, SOCK_DGRAM, 0), "packet socket");

	device.sll_ifindex = (int)if_nametoindex(OTHER_END);
	need(device.sll_ifindex ? 0 : -1, OTHER_END);
	need(bind(watcher, (struct sockaddr *)&device, sizeof(device)), "watch");
	setsockopt(watcher, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return watcher;
}

/* Whether the kernel's answer to a SYN is seen before a second is over. */
static int answer_seen(int watcher)
{
	unsigned char packet[128];
	ssize_t length;

	while ((length = recv(watcher, packet, sizeof(packet), 0)) > 0) {
		size_t header = packet[0] >> 4 == 4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
		unsigned char protocol = packet[packet[0] >> 4 == 4 ? 9 : 6];

		if (protocol == IPPROTO_TCP && (size_t)length > header + 13 && packet[header + 13] == SYN_ACK)
			return ALLOWED;
	}
	return EPERM;
}

static uint32_t sum(const void *bytes, size_t length, uint32_t start)
{
	const unsigned char *byte = bytes;

	for (size_t at = 0; at + 1 < length; at += 2)
		start += (uint32_t)byte[at] << 8 | byte[at + 1];
	return start;
}

static struct tcphdr syn(const struct in_addr *from, const struct in_addr *to)
{
	struct tcphdr header = {
		.source = htons(ANY_PORT), .dest = htons(PORT), .doff = 5, .syn = 1, .window = htons(999)};
	uint32_t total = sum(from, sizeof(*from), sum(to, sizeof(*to), IPPROTO_TCP + sizeof(header)));

	total = sum(&header, sizeof(header), total);
	total = (total >> 16) + (total & 0xffff);
	header.check = htons((uint16_t) ~(total + (total >> 16)));
	return header;
}

/* PEER, of IPv4. */
static int forged_raw(char **arguments)
{
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} packet = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP}};
	struct sockaddr_storage peer, server;
	struct in_addr from, to;
	socklen_t length;
	int raw, watcher;

	prepare(arguments[0]);
	parse(arguments[0], 0, &peer);
	length = parse(SERVER_4, 0, &server);
	from = ((struct sockaddr_in *)&peer)->sin_addr;
	to = ((struct sockaddr_in *)&server)->sin_addr;
	packet.ip.saddr = from.s_addr;
	packet.ip.daddr = to.s_addr;
	packet.tcp = syn(&from, &to);
	watcher = watch();
	raw = (int)need(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), "raw socket");
	need(sendto(raw, &packet, sizeof(packet), 0, (struct sockaddr *)&server, length), "send");
	return answer_seen(watcher);
}

/* PEER: a TCP socket that `option` lets have any address. */
static int forged_bound(const char *peer, int level, int option)
{
	struct sockaddr_storage from, server;
	socklen_t length = parse(peer, 0, &from);
	int client, watcher, yes = 1;

	prepare(peer);
	watcher = watch();
	client = (int)need(socket(from.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
	need(setsockopt(client, level, option, &yes, sizeof(yes)), "option");
	need(bind(client, (struct sockaddr *)&from, length), "bind");
	length = parse(server_of(peer), PORT, &server);
	if (connect(client, (struct sockaddr *)&server, length) && errno != EINPROGRESS)
		need(-1, "connect");
	return answer_seen(watcher);
}

static int forged_transparent(char **arguments)
{
	return forged_bound(arguments[0], IPPROTO_IP, IP_TRANSPARENT);
}

/* Anybody may, without a capability. */
static int forged_free(char **arguments)
{
	return forged_bound(arguments[0], IPPROTO_IPV6, IPV6_FREEBIND);
}

const struct act forgery_acts[] = {{"forged-raw", 1, forged_raw},
				   {"forged-transparent", 1, forged_transparent},
				   {"forged-free", 1, forged_free},
				   {NULL, 0, NULL}};
