/*
 * noop SOCKET: the least that an NRI plugin can be. It registers, subscribes to the events that Stockade subscribes to
 * and to StopPodSandbox, and answers each call with nothing. runtime.py describes the wire. What it sends is fixed, so
 * protobuf is written by hand; of what it gets, it reads only the method's name.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FRAME_LENGTH  8
#define HEADER_LENGTH 10
#define MESSAGE_MAX   (4 << 20)
#define PLUGIN	      1
#define RUNTIME	      2
#define REQUEST	      1
#define RESPONSE      2
#define BYTES	      2 /* protobuf's kind of field that holds bytes */
#define SERVICE	      "nri.pkg.api.v1alpha1.Runtime"
#define METHOD	      "RegisterPlugin"

/* Events 1 to 4, 6, 10, 11 and 14: bit n - 1 stands for event n. */
#define EVENTS (1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 9 | 1 << 10 | 1 << 13)

static int trunk;
static unsigned char message[HEADER_LENGTH + MESSAGE_MAX];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void put(unsigned char *bytes, uint32_t value)
{
	value = htonl(value);
	memcpy(bytes, &value, sizeof(value));
}

static uint32_t number_at(const unsigned char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return ntohl(value);
}

static void send_message(uint32_t connection, uint32_t stream, unsigned char kind, const void *body, size_t length)
{
	unsigned char bytes[256] = {0};

	put(bytes, connection);
	put(bytes + 4, (uint32_t)(HEADER_LENGTH + length));
	put(bytes + FRAME_LENGTH, (uint32_t)length);
	put(bytes + FRAME_LENGTH + 4, stream);
	bytes[FRAME_LENGTH + 8] = kind;
	memcpy(bytes + FRAME_LENGTH + HEADER_LENGTH, body, length);
	length += FRAME_LENGTH + HEADER_LENGTH;
	if (write(trunk, bytes, length) != (ssize_t)length)
		fail("write");
}

/* Ends the program at the end of the connection. */
static void read_whole(void *bytes, size_t length)
{
	while (length > 0) {
		ssize_t count = read(trunk, bytes, length);

		if (count == 0)
			exit(0);
		if (count < 0)
			fail("read");
		bytes = (char *)bytes + count;
		length -= (size_t)count;
	}
}

/* Reads a message's frames, which are of one connection, into `message`. */
static void read_message(void)
{
	size_t have = 0, whole = HEADER_LENGTH;

	while (have < whole) {
		unsigned char frame[FRAME_LENGTH];
		uint32_t length;

		read_whole(frame, sizeof(frame));
		length = number_at(frame + 4);
		if (length > sizeof(message) - have) {
			fputs("a message is longer than 4 MiB\n", stderr);
			exit(1);
		}
		read_whole(message + have, length);
		have += length;
		if (have >= HEADER_LENGTH)
			whole = HEADER_LENGTH + number_at(message);
	}
}

static size_t put_field(unsigned char *end, unsigned char number, const void *bytes, unsigned char length)
{
	end[0] = (unsigned char)(number << 3 | BYTES);
	end[1] = length;
	memcpy(end + 2, bytes, length);
	return 2 + (size_t)length;
}

/* The Request: service, method, and as the payload the plugin's name and index. */
static void register_plugin(void)
{
	unsigned char request[128], payload[16];
	size_t length = 0, inner = 0;

	inner += put_field(payload + inner, 1, "noop", 4);
	inner += put_field(payload + inner, 2, "10", 2);
	length += put_field(request + length, 1, SERVICE, sizeof(SERVICE) - 1);
	length += put_field(request + length, 2, METHOD, sizeof(METHOD) - 1);
	length += put_field(request + length, 3, payload, (unsigned char)inner);
	send_message(RUNTIME, 1, REQUEST, request, length);
	read_message();
}

/* A request begins with its service and its method, both shorter than 128 bytes. */
static int asks_to_configure(void)
{
	static const char name[] = "Configure";
	const unsigned char *method = message + HEADER_LENGTH + 2 + message[HEADER_LENGTH + 1];

	return method[1] == sizeof(name) - 1 && memcmp(method + 2, name, sizeof(name) - 1) == 0;
}

int main(int argc, char **argv)
{
	/* A Response whose payload is a ConfigureResponse with the events: a varint of two bytes. */
	static const unsigned char events[] = {2 << 3 | BYTES, 3, 2 << 3, (EVENTS & 127) | 128, EVENTS >> 7};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	_Static_assert(EVENTS >> 14 == 0, "the varint has two bytes");
	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 2;
	strcpy(address.sun_path, argv[1]);
	trunk = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (trunk < 0 || connect(trunk, (struct sockaddr *)&address, sizeof(address)))
		fail(argv[1]);
	register_plugin();
	for (;;) {
		size_t length;

		read_message();
		length = asks_to_configure() ? sizeof(events) : 0;
		send_message(PLUGIN, number_at(message + 4), RESPONSE, events, length);
	}
}
