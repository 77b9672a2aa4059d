/* Many at once that do the same thing over and over, so that one is interrupted in the midst of it by another. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CROWD 6

/* What all of them count, in memory that they share. */
struct tally {
	_Atomic unsigned tries;
	_Atomic unsigned through;
	_Atomic int refusal; /* the errno of one that did not come through; KILLED */
};

static struct tally *tally;

static void count_errno(int error)
{
	tally->tries++;
	if (error)
		tally->refusal = error;
	else
		tally->through++;
}

static int open_errno(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return errno;
	close(file);
	return 0;
}

/* The child of a vfork(2), which runs before we do, opens the file. */
static void try_vfork(char **arguments)
{
	pid_t child = vfork();

	if (child < 0) {
		count_errno(errno);
		return;
	}
	if (child == 0) {
		count_errno(open_errno(arguments[0]));
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void *open_in_thread(void *path)
{
	count_errno(open_errno(path));
	return NULL;
}

static void try_thread(char **arguments)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, open_in_thread, arguments[0]);

	if (error)
		count_errno(error);
	else
		pthread_join(thread, NULL);
}

/* PATH ARGUMENT: the program ends with RAN if it got the argument. */
static void try_argument(char **arguments)
{
	char *const words[] = {arguments[0], arguments[1], NULL};
	int status;
	pid_t child = vfork();

	if (child < 0) {
		count_errno(errno);
		return;
	}
	if (child == 0) {
		execve(arguments[0], words, environ);
		_exit(126);
	}
	if (waitpid(child, &status, 0) < 0)
		return;
	count_errno(WIFSIGNALED(status) ? KILLED : WEXITSTATUS(status) == RAN ? 0 : EACCES);
}

static long now_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "any" or "all", SECONDS, and what the try is given. Allowed: one came through, or all did. */
static int crowd(void (*try)(char **), char **arguments)
{
	bool all = strcmp(arguments[0], "all") == 0;
	int seconds = atoi(arguments[1]);

	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		unavailable("no memory to count in");
	for (int one = 0; one < CROWD; one++)
		if (need(fork(), "fork") == 0) {
			long end = now_milliseconds() + seconds * 1000;

			while (now_milliseconds() < end)
				try(arguments + 2);
			_exit(0);
		}
	while (wait(NULL) > 0) {
	}
	if (tally->tries < CROWD)
		unavailable("only %u tries in %d seconds", tally->tries, seconds);
	fprintf(stderr, "%u of %u came through\n", tally->through, tally->tries);
	if (all ? tally->through == tally->tries : tally->through > 0)
		return ALLOWED;
	return tally->refusal;
}

static int crowd_vfork(char **arguments)
{
	return crowd(try_vfork, arguments);
}

static int crowd_thread(char **arguments)
{
	return crowd(try_thread, arguments);
}

static int crowd_argument(char **arguments)
{
	return crowd(try_argument, arguments);
}

const struct act crowd_acts[] = {{"crowd-vfork", 3, crowd_vfork},
				 {"crowd-thread", 3, crowd_thread},
				 {"crowd-argument", 4, crowd_argument},
				 {NULL, 0, NULL}};
