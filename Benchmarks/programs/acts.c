/*
 * acts wait: waits to be killed.
 * acts ROOT: what the kernel's work for a task costs, by the clock: performs each act many times, the files being below
 * ROOT, and prints a line with its name and the median in nanoseconds. Where the clock counts instructions, those are
 * instructions.
 * acts ROOT ACT: performs that act alone; none, if there is none of that name.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Odd, so that there is a median. The first ones fill caches. */
#define SAMPLES	    51
#define WARM	    10
#define PATH_LENGTH 4096

/* 30 bytes in 6 components, and 250 in 50. */
#define SHORT_FILE "/data/plain/folders/of/a/file3"
#define FIVE	   "/deep"
#define TEN_DEEP   FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE
#define LONG_FILE  "/data" TEN_DEEP TEN_DEEP TEN_DEEP TEN_DEEP FIVE FIVE FIVE FIVE FIVE FIVE FIVE FIVE "/file"

static char program[PATH_LENGTH], dynamic[PATH_LENGTH], judged[PATH_LENGTH], code[PATH_LENGTH];
static char short_file[PATH_LENGTH], long_file[PATH_LENGTH];
static struct sockaddr_in stream_address, datagram_address;
static int listener, receiver, connected_datagram, code_file;
/* Of the act under way: what `before` has opened, and what the act has. */
static int opened, accepted;

static long need(long result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

static void wait_for(pid_t child, int expected)
{
	int status;

	need(waitpid(child, &status, 0), "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected) {
		fprintf(stderr, "a child ended with wait status %#x\n", status);
		exit(1);
	}
}

static void nothing(void)
{
}

static void act_fork(void)
{
	pid_t child = (pid_t)need(fork(), "fork");

	if (child == 0)
		_exit(0);
	wait_for(child, 0);
}

static void execute(char *const *words, int expected)
{
	pid_t child = vfork();

	if (child == 0) {
		execve(words[0], words, environ);
		_exit(1);
	}
	wait_for((pid_t)need(child, "vfork"), expected);
}

static void act_exec_static(void)
{
	char *const words[] = {program, NULL};

	execute(words, 42);
}

static void act_exec_dynamic(void)
{
	char *const words[] = {dynamic, NULL};

	execute(words, 0);
}

/* Of a program with a rule about its arguments. */
static void act_exec_arguments(void)
{
	char *const words[] = {judged, "--first", "a-second-argument", "third", NULL};

	execute(words, 42);
}

static void *end_at_once(void *unused)
{
	return unused;
}

static void act_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, end_at_once, NULL) || pthread_join(thread, NULL))
		need(-1, "thread");
}

static void act_open_short(void)
{
	opened = (int)need(open(short_file, O_RDONLY | O_CLOEXEC), short_file);
}

static void act_open_long(void)
{
	opened = (int)need(open(long_file, O_RDONLY | O_CLOEXEC), long_file);
}

static void close_opened(void)
{
	need(close(opened), "close");
}

static void act_map_code(void)
{
	void *mapped = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, code_file, 0);

	if (mapped == MAP_FAILED)
		need(-1, "mmap");
	munmap(mapped, 4096);
}

static void act_socket(void)
{
	opened = (int)need(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
}

static void act_connect(void)
{
	need(connect(opened, (struct sockaddr *)&stream_address, sizeof(stream_address)), "connect");
}

static void socket_and_connect(void)
{
	act_socket();
	act_connect();
}

static void act_accept(void)
{
	accepted = (int)need(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
}

static void close_both(void)
{
	close_opened();
	need(close(accepted), "close");
}

static void accept_and_close(void)
{
	act_accept();
	close_both();
}

static void open_datagram(void)
{
	opened = (int)need(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
}

static void act_sendto(void)
{
	need(sendto(opened, "x", 1, 0, (struct sockaddr *)&datagram_address, sizeof(datagram_address)), "sendto");
}

/* Its address is that of the connection: only the packet itself is judged. */
static void act_packet(void)
{
	need(send(connected_datagram, "x", 1, 0), "send");
}

static void receive(void)
{
	char byte;

	need(recv(receiver, &byte, 1, 0), "recv");
}

static void receive_and_close(void)
{
	receive();
	close_opened();
}

static const struct {
	const char *name;
	void (*before)(void), (*act)(void), (*after)(void);
} acts[] = {
	{"fork", nothing, act_fork, nothing},
	{"thread", nothing, act_thread, nothing},
	{"exec-static", nothing, act_exec_static, nothing},
	{"exec-dynamic", nothing, act_exec_dynamic, nothing},
	{"exec-arguments", nothing, act_exec_arguments, nothing},
	{"open-30/6", nothing, act_open_short, close_opened},
	{"open-250/50", nothing, act_open_long, close_opened},
	{"mmap-code", nothing, act_map_code, nothing},
	{"socket", nothing, act_socket, close_opened},
	{"connect", act_socket, act_connect, accept_and_close},
	{"accept", socket_and_connect, act_accept, close_both},
	{"sendto", open_datagram, act_sendto, receive_and_close},
	{"packet", nothing, act_packet, receive},
};

static int bound(int type, struct sockaddr_in *address)
{
	int made = (int)need(socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");
	socklen_t length = sizeof(*address);

	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	need(bind(made, (struct sockaddr *)address, length), "bind");
	need(getsockname(made, (struct sockaddr *)address, &length), "getsockname");
	return made;
}

static void prepare(const char *root)
{
	snprintf(program, sizeof(program), "%s/opt/program", root);
	snprintf(dynamic, sizeof(dynamic), "%s/opt/dynamic", root);
	snprintf(judged, sizeof(judged), "%s/opt/judged", root);
	snprintf(code, sizeof(code), "%s/opt/code.so", root);
	snprintf(short_file, sizeof(short_file), "%s" SHORT_FILE, root);
	snprintf(long_file, sizeof(long_file), "%s" LONG_FILE, root);
	code_file = (int)need(open(code, O_RDONLY | O_CLOEXEC), code);
	listener = bound(SOCK_STREAM, &stream_address);
	need(listen(listener, 4), "listen");
	receiver = bound(SOCK_DGRAM, &datagram_address);
	open_datagram();
	connected_datagram = opened;
	need(connect(opened, (struct sockaddr *)&datagram_address, sizeof(datagram_address)), "connect");
}

static long nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compare(const void *one, const void *other)
{
	long a = *(const long *)one, b = *(const long *)other;

	return (a > b) - (a < b);
}

static long median_of(size_t number)
{
	long samples[SAMPLES];

	for (int index = -WARM; index < SAMPLES; index++) {
		long from, to;

		acts[number].before();
		from = nanoseconds();
		acts[number].act();
		to = nanoseconds();
		acts[number].after();
		if (index >= 0)
			samples[index] = to - from;
	}
	qsort(samples, SAMPLES, sizeof(*samples), compare);
	return samples[SAMPLES / 2];
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "wait") == 0)
		for (;;)
			pause();
	prepare(argv[1]);
	for (size_t number = 0; number < sizeof(acts) / sizeof(*acts); number++)
		if (argc < 3 || strcmp(argv[2], acts[number].name) == 0)
			printf("%s %ld\n", acts[number].name, median_of(number));
	return 0;
}
