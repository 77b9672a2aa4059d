/* Acts that somebody outside the container helps with: who listens at HELPER does what a line asks for. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HELPER "/vol/helper"

static int ask(const char *verb, const char *argument)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = HELPER};
	int helper = (int)need(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	need(connect(helper, (struct sockaddr *)&address, sizeof(address)), HELPER);
	dprintf(helper, "%s %s\n", verb, argument);
	return helper;
}

/* An open file that is handed over: its descriptor, or -1 where the kernel left it out. */
static int receive(int helper)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header;
	int file;

	if (need(recvmsg(helper, &message, MSG_CMSG_CLOEXEC), "receive") == 0 || byte != '+')
		unavailable("the helper failed");
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_len < CMSG_LEN(sizeof(file)))
		return -1;
	memcpy(&file, CMSG_DATA(header), sizeof(file));
	return file;
}

/* PATH, opened outside and read here. The kernel says of a file that it keeps back only that it did. */
static int read_passed(char **arguments)
{
	char byte;
	int file = receive(ask("pass", arguments[0]));

	return file < 0 ? EACCES : outcome(read(file, &byte, 1));
}

static int run_passed(char **arguments)
{
	char *const list[] = {arguments[0], NULL};
	int file = receive(ask("pass", arguments[0]));

	return file < 0 ? EACCES : run_at(file, "", list);
}

/* To a `child` cgroup of the container's, or to a `foreign` one. */
static void move_to(const char *where)
{
	char byte = 0;

	if (need(read(ask("move", where), &byte, 1), "receive") != 1 || byte != '+')
		unavailable("the helper failed");
}

/* WHERE PATH */
static int moved(char **arguments)
{
	move_to(arguments[0]);
	return run(arguments[1]);
}

/* WHERE */
static int moved_socket(char **arguments)
{
	move_to(arguments[0]);
	return outcome(socket(AF_INET, SOCK_STREAM, 0));
}

/* WHERE FAMILY */
static int moved_family(char **arguments)
{
	move_to(arguments[0]);
	return make_socket(arguments[1]);
}

/* /proc/PID/mem of our own, opened outside. */
static int write_passed_memory(char **arguments)
{
	int memory = receive(ask("lend", "memory"));

	(void)arguments;
	return memory < 0 ? EPERM : overwrite_by(memory);
}

/* WHO ACT: what becomes of an act on this process by the `machine`, or by another `container`. */
static int by_another(char **arguments)
{
	char text[256] = {0}, request[PATH_LENGTH];
	int helper;

	snprintf(request, sizeof(request), "%s %s", arguments[0], arguments[1]);
	helper = ask("attack", request);
	need(read(helper, text, sizeof(text) - 1), "receive");
	finish(text);
}

/* Whoever is outside notes how the BPF programs fared; they are gone when the container is. */
static int note_programs(char **arguments)
{
	char byte = 0;

	(void)arguments;
	if (need(read(ask("programs", "all"), &byte, 1), "receive") != 1 || byte != '+')
		unavailable("the helper failed");
	return ALLOWED;
}

const struct act outside_acts[] = {{"passed-read", 1, read_passed},
				   {"passed-program", 1, run_passed},
				   {"moved", 2, moved},
				   {"moved-socket", 1, moved_socket},
				   {"moved-family", 2, moved_family},
				   {"passed-memory", 0, write_passed_memory},
				   {"by-another", 2, by_another},
				   {"note-programs", 0, note_programs},
				   {NULL, 0, NULL}};
