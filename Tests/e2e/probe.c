/*
 * What the containers of the end-to-end tests run: servers and clients whose outcome is one plain line.
 *
 *   probe serve PORT            answers each TCP connection and each UDP datagram on PORT with "echo: " and what came
 *   probe tcp|udp ADDRESS PORT  sends "hello" and prints the answer, or what failed and why
 *   probe unix PATH             begins to speak HTTP/2 to a unix socket: answered, closed, or what failed and why
 *   probe sleep                 waits for a signal
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX_BYTES      512
#define CLIENT_TIMEOUT_SECONDS 3

static const char greeting[] = "echo: ";

/* The first process of a pid namespace gets only the signals that it handles. */
static void leave(int signal)
{
	(void)signal;
	_exit(0);
}

static int failed(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

/* Returns the number of bytes of the answer to the first `length` bytes that follow the greeting in `message`. */
static size_t answer(char *message, size_t length)
{
	memcpy(message, greeting, sizeof(greeting) - 1);
	return sizeof(greeting) - 1 + length;
}

static void answer_stream(int listener)
{
	char message[MESSAGE_MAX_BYTES];
	int peer = accept(listener, NULL, NULL);
	ssize_t length;

	if (peer < 0)
		return;
	length = recv(peer, message + sizeof(greeting) - 1, sizeof(message) - sizeof(greeting), 0);
	if (length > 0)
		(void)send(peer, message, answer(message, (size_t)length), MSG_NOSIGNAL);
	close(peer);
}

static void answer_datagram(int socket)
{
	char message[MESSAGE_MAX_BYTES];
	struct sockaddr_in6 from;
	socklen_t from_length = sizeof(from);
	ssize_t length = recvfrom(socket, message + sizeof(greeting) - 1, sizeof(message) - sizeof(greeting), 0,
				  (struct sockaddr *)&from, &from_length);

	if (length > 0)
		(void)sendto(socket, message, answer(message, (size_t)length), 0, (struct sockaddr *)&from,
			     from_length);
}

/* A socket of both families, bound to every address. */
static int bound(int type, int port)
{
	struct sockaddr_in6 local = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)port)};
	int one = 1, zero = 0, fd = socket(AF_INET6, type, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	return bind(fd, (struct sockaddr *)&local, sizeof(local)) ? -1 : fd;
}

static int serve(int port)
{
	struct pollfd ready[2] = {{.fd = bound(SOCK_STREAM, port), .events = POLLIN},
				  {.fd = bound(SOCK_DGRAM, port), .events = POLLIN}};

	if (ready[0].fd < 0 || ready[1].fd < 0 || listen(ready[0].fd, 16))
		return failed("bind");
	puts("serving");
	fflush(stdout);
	while (poll(ready, 2, -1) > 0) {
		if (ready[0].revents)
			answer_stream(ready[0].fd);
		if (ready[1].revents)
			answer_datagram(ready[1].fd);
	}
	return failed("poll");
}

/* Fills *address and returns its length; 0: `text` is no address. */
static socklen_t parse(const char *text, int port, struct sockaddr_storage *address)
{
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((unsigned short)port);
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((unsigned short)port);
		return sizeof(*six);
	}
	return 0;
}

static int ask(int type, const char *text, int port)
{
	const struct timeval timeout = {.tv_sec = CLIENT_TIMEOUT_SECONDS};
	struct sockaddr_storage address;
	socklen_t address_length = parse(text, port, &address);
	char message[MESSAGE_MAX_BYTES];
	ssize_t length;
	int fd = socket(address.ss_family, type, 0);

	if (fd < 0)
		return failed("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (type == SOCK_STREAM && connect(fd, (struct sockaddr *)&address, address_length))
		return failed("connect");
	/* Datagrams go without connect(), so that sendmsg is judged and not connect. */
	if (sendto(fd, "hello", 5, MSG_NOSIGNAL, (struct sockaddr *)&address,
		   type == SOCK_STREAM ? 0 : address_length) < 0)
		return failed("send");
	length = recv(fd, message, sizeof(message) - 1, 0);
	if (length < 0)
		return failed("receive");
	printf("%.*s\n", (int)length, message);
	return 0;
}

static int speak(const char *path)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
	const struct timeval timeout = {.tv_sec = CLIENT_TIMEOUT_SECONDS};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte;

	if (fd < 0)
		return failed("socket");
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return failed("connect");
	(void)send(fd, preface, sizeof(preface), MSG_NOSIGNAL);
	puts(recv(fd, &byte, 1, 0) == 1 ? "answered" : "closed");
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGTERM, leave);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	if (argc == 4 && !strcmp(argv[1], "tcp"))
		return ask(SOCK_STREAM, argv[2], atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "udp"))
		return ask(SOCK_DGRAM, argv[2], atoi(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "unix"))
		return speak(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "sleep"))
		return pause();
	fprintf(stderr, "usage: probe serve PORT | tcp|udp ADDRESS PORT | unix PATH | sleep\n");
	return 2;
}
