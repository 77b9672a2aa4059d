/* Many at once that do the same thing over and over, so that one is interrupted in the midst of it by another. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CROWD 6
/* More than a race's seconds are never needed to start and end it. */
#define GRACE_SECONDS	   60
#define PAUSE_MICROSECONDS 10000

/* What all of them count, in memory that they share. */
struct tally {
	_Atomic unsigned tries;
	_Atomic unsigned through;
	_Atomic int refusal; /* the errno of one that did not come through; KILLED */
	_Atomic int other;   /* of one that was refused in another way */
};

static struct tally *tally;

static void count_errno(int error)
{
	tally->tries++;
	if (!error)
		tally->through++;
	else if (!tally->refusal)
		tally->refusal = error;
	else if (tally->refusal != error)
		tally->other = error;
}

static int open_errno(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return errno;
	close(file);
	return 0;
}

/* What fork(2) or vfork(2) answered: the child opens the file and ends, and we wait for it. */
static void open_in_child(pid_t child, const char *path)
{
	if (child < 0) {
		count_errno(errno);
		return;
	}
	if (child == 0) {
		count_errno(open_errno(path));
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

/* The child runs before we do. */
static void try_vfork(char **arguments)
{
	open_in_child(vfork(), arguments[0]);
}

/* It runs beside us. */
static void try_fork(char **arguments)
{
	open_in_child(fork(), arguments[0]);
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

/* What the wait status of a program says, if its exec was not refused with `error`. */
static int exec_errno(int error, int status)
{
	if (error)
		return error;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return KILLED;
	return WIFEXITED(status) && WEXITSTATUS(status) == RAN ? 0 : ENOEXEC;
}

/* PROGRAM ARGUMENT...: it ends with RAN unless it was killed. */
static void try_exec(char **words)
{
	volatile int error = 0; /* the child writes to our memory, as vfork(2) has it */
	int status;
	pid_t child = vfork();

	if (child < 0) {
		count_errno(errno);
		return;
	}
	if (child == 0) {
		execve(words[0], words, environ);
		error = errno;
		_exit(0);
	}
	if (waitpid(child, &status, 0) < 0)
		return;
	count_errno(exec_errno(error, status));
}

static long now_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void share_tally(void)
{
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		unavailable("no memory to count in");
}

/* "any" or "all", SECONDS, and what the try is given. Allowed: one came through, or all did. */
static int crowd(void (*try)(char **), char **arguments)
{
	bool all = strcmp(arguments[0], "all") == 0;
	int seconds = atoi(arguments[1]);

	share_tally();
	alarm((unsigned)seconds + GRACE_SECONDS);
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
	tell_count(tally->through, tally->tries);
	if (all ? tally->through == tally->tries : tally->through > 0)
		return ALLOWED;
	return tally->other ? tally->other : tally->refusal;
}

int busy_until(const char *file, char **words)
{
	share_tally();
	for (int one = 0; one < CROWD; one++)
		if (fork() == 0)
			for (;;)
				try_exec(words);
	while (access(file, F_OK))
		usleep(PAUSE_MICROSECONDS);
	printf("%u of %u ran\n", tally->through, tally->tries);
	/* They go on: between a try and its count any number may be. */
	return tally->tries < CROWD || tally->refusal || tally->other;
}

static int crowd_vfork(char **arguments)
{
	return crowd(try_vfork, arguments);
}

static int crowd_fork(char **arguments)
{
	return crowd(try_fork, arguments);
}

static int crowd_thread(char **arguments)
{
	return crowd(try_thread, arguments);
}

static int crowd_exec(char **arguments)
{
	return crowd(try_exec, arguments);
}

const struct act crowd_acts[] = {{"crowd-vfork", 3, crowd_vfork},
				 {"crowd-fork", 3, crowd_fork},
				 {"crowd-thread", 3, crowd_thread},
				 {"crowd-exec", 3, crowd_exec},
				 {NULL, 0, NULL}};
