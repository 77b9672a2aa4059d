/* Ways to send or to listen. Nobody needs to answer: what is refused by the peer was allowed. */
#include "attack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static struct sockaddr_in address_4(char **arguments)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1]))};

	if (inet_pton(AF_INET, arguments[0], &address.sin_addr) != 1)
		unavailable("no address");
	return address;
}

static struct sockaddr_in6 address_6(char **arguments)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)atoi(arguments[1]))};

	if (inet_pton(AF_INET6, arguments[0], &address.sin6_addr) != 1)
		unavailable("no address");
	return address;
}

static int made(int family, int type, int protocol)
{
	return (int)need(socket(family, type, protocol), "socket");
}

static int answered(long result)
{
	return result < 0 && errno == ECONNREFUSED ? ALLOWED : outcome(result);
}

/* ADDRESS PORT, as for all that follow. */
static int tcp(char **arguments)
{
	struct sockaddr_in address = address_4(arguments);

	return answered(connect(made(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)));
}

static int tcp_6(char **arguments)
{
	struct sockaddr_in6 address = address_6(arguments);

	return answered(connect(made(AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)));
}

static int tcp_ring(char **arguments)
{
	struct sockaddr_in address = address_4(arguments);

	return answered(ring_connect(made(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)));
}

static int tcp_fast_open(char **arguments)
{
	struct sockaddr_in address = address_4(arguments);

	return answered(sendto(made(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL,
			       (struct sockaddr *)&address, sizeof(address)));
}

static int udp_connect(char **arguments)
{
	struct sockaddr_in address = address_4(arguments);

	return outcome(connect(made(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&address, sizeof(address)));
}

static int udp_send(char **arguments)
{
	struct sockaddr_in address = address_4(arguments);

	return outcome(sendto(made(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&address, sizeof(address)));
}

static int udp_send_6(char **arguments)
{
	struct sockaddr_in6 address = address_6(arguments);

	return outcome(sendto(made(AF_INET6, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&address, sizeof(address)));
}

static int udp_send_many(char **arguments)
{
	struct sockaddr_in address = address_4(arguments);
	struct iovec part = {"x", 1};
	struct mmsghdr message = {
		.msg_hdr = {.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1}};

	return outcome(sendmmsg(made(AF_INET, SOCK_DGRAM, 0), &message, 1, 0));
}

/* An ICMP echo by a raw socket: rules with ports do not speak of it. */
static int icmp(char **arguments)
{
	struct sockaddr_in address = address_4(arguments);
	const unsigned char echo[8] = {8, 0, 0xf7, 0xff};

	return outcome(sendto(made(AF_INET, SOCK_RAW, IPPROTO_ICMP), echo, sizeof(echo), 0, (struct sockaddr *)&address,
			      sizeof(address)));
}

static int bind_tcp(char **arguments)
{
	struct sockaddr_in address = address_4(arguments);

	return outcome(bind(made(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)));
}

static int bind_udp(char **arguments)
{
	struct sockaddr_in address = address_4(arguments);

	return outcome(bind(made(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&address, sizeof(address)));
}

static int bind_tcp_6(char **arguments)
{
	struct sockaddr_in6 address = address_6(arguments);

	return outcome(bind(made(AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)));
}

/* A datagram from this container to its own client, which bound PORT of 127.0.0.2; the client ASKED for it, or not. */
static int udp_to_bound(char **arguments)
{
	char *server_words[] = {"127.0.0.1", "7000"}, *client_words[] = {"127.0.0.2", arguments[0]}, byte;
	struct sockaddr_in server = address_4(server_words), client = address_4(client_words);
	struct timeval patience = {.tv_sec = 1};
	int serving = made(AF_INET, SOCK_DGRAM, 0), asking = made(AF_INET, SOCK_DGRAM, 0);

	need(bind(serving, (struct sockaddr *)&server, sizeof(server)), "bind");
	need(bind(asking, (struct sockaddr *)&client, sizeof(client)), "bind");
	need(setsockopt(asking, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), "setsockopt");
	if (strcmp(arguments[1], "asked") == 0)
		need(sendto(asking, "x", 1, 0, (struct sockaddr *)&server, sizeof(server)), "ask");
	need(sendto(serving, "x", 1, 0, (struct sockaddr *)&client, sizeof(client)), "send");
	return recv(asking, &byte, 1, 0) == 1 ? ALLOWED : EPERM;
}

const struct act network_acts[] = {{"tcp", 2, tcp},
				   {"tcp-6", 2, tcp_6},
				   {"tcp-ring", 2, tcp_ring},
				   {"tcp-fast-open", 2, tcp_fast_open},
				   {"udp-connect", 2, udp_connect},
				   {"udp-send", 2, udp_send},
				   {"udp-send-6", 2, udp_send_6},
				   {"udp-send-many", 2, udp_send_many},
				   {"icmp", 2, icmp},
				   {"bind-tcp", 2, bind_tcp},
				   {"bind-tcp-6", 2, bind_tcp_6},
				   {"bind-udp", 2, bind_udp},
				   {"udp-to-bound", 2, udp_to_bound},
				   {NULL, 0, NULL}};
