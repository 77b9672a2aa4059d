/* A crowd that keeps the programs that judge busy, and an innocent beside it, who is to notice nothing. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CROWD 8
/* SCM_MAX_FD: as many descriptors as one message can pass. */
#define PASSED 253
/* Folders one in another: each is a step of the walk for each descriptor. */
#define DEPTH	  200
#define TRIES_MIN 20

struct innocents {
	_Atomic unsigned tries;
	_Atomic unsigned refused;
	_Atomic int refusal; /* the errno of one; KILLED */
	_Atomic unsigned messages;
};

static struct innocents *innocents;

/* Opens a new file in a deep folder: the folder `top` is made for it. */
static int open_deep(const char *top)
{
	int folder, file;

	make_folder(top);
	folder = (int)need(open(top, O_PATH | O_DIRECTORY), "the deep folder");
	for (int depth = 0; depth < DEPTH; depth++) {
		int inner;

		need(mkdirat(folder, "d", 0777), "a folder in the deep folder");
		inner = (int)need(openat(folder, "d", O_PATH | O_DIRECTORY), "a folder in the deep folder");
		close(folder);
		folder = inner;
	}
	file = (int)need(openat(folder, "file", O_RDWR | O_CREAT, 0666), "the deep file");
	close(folder);
	return file;
}

/* As many descriptors of the file as fit are received, and each is judged. */
static void pass(int sockets[2], int file)
{
	union {
		char bytes[CMSG_SPACE(PASSED * sizeof(int))];
		struct cmsghdr aligned;
	} control = {0};
	char byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int *descriptors = (int *)CMSG_DATA(header);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(PASSED * sizeof(int));
	for (int index = 0; index < PASSED; index++)
		descriptors[index] = file;
	if (sendmsg(sockets[0], &message, 0) < 0 || recvmsg(sockets[1], &message, MSG_CMSG_CLOEXEC) < 0)
		return;
	innocents->messages++;
	close_range((unsigned)sockets[1] + 1, ~0u, 0);
}

_Noreturn static void pass_forever(int file)
{
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		_exit(1);
	for (;;)
		pass(sockets, file);
}

static void note(int error)
{
	innocents->tries++;
	if (!error)
		return;
	innocents->refused++;
	innocents->refusal = error;
}

static void try_open(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	note(file < 0 ? errno : 0);
	if (file >= 0)
		close(file);
}

static void try_program(const char *path)
{
	char *const words[] = {(char *)path, NULL};
	int status;
	pid_t child = vfork();

	if (child == 0) {
		execve(path, words, environ);
		_exit(errno);
	}
	if (child < 0)
		note(errno);
	else if (waitpid(child, &status, 0) == child)
		note(WIFSIGNALED(status) ? KILLED : WEXITSTATUS(status) == RAN ? 0 : WEXITSTATUS(status));
}

/* SECONDS FOLDER FILE PROGRAM: what the innocent opens and executes is allowed. */
static int crowd_innocent(char **arguments)
{
	time_t end = time(NULL) + atoi(arguments[0]);
	pid_t crowd[CROWD];
	int file;

	innocents = mmap(NULL, sizeof(*innocents), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (innocents == MAP_FAILED)
		unavailable("no memory to count in");
	file = open_deep(arguments[1]);
	for (int one = 0; one < CROWD; one++) {
		crowd[one] = (pid_t)need(fork(), "fork");
		if (crowd[one] == 0)
			pass_forever(file);
	}
	while (time(NULL) < end || innocents->tries < TRIES_MIN) {
		try_open(arguments[2]);
		try_program(arguments[3]);
	}
	for (int one = 0; one < CROWD; one++)
		kill(crowd[one], SIGKILL);
	fprintf(stderr, "%u of %u refused, beside %u messages\n", innocents->refused, innocents->tries,
		innocents->messages);
	if (innocents->messages < CROWD)
		unavailable("the crowd passed only %u messages", innocents->messages);
	return innocents->refused ? innocents->refusal : ALLOWED;
}

const struct act innocent_acts[] = {{"crowd-innocent", 4, crowd_innocent}, {NULL, 0, NULL}};
