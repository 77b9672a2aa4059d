/* A thread that changes what was looked at, between the look and the use. */
#include "attack.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES 100
/* As `exit` of an allowed program that is not the one that is raced for. */
#define OTHER 7

struct race {
	char *text;
	const char *choices[2];
	const char *path;
	char *arguments[3];
	_Atomic unsigned turns;
};

static void *rewrite(void *context)
{
	struct race *race = context;
	size_t length = strlen(race->choices[0]) + 1;

	for (;; race->turns++) {
		memcpy(race->text, race->choices[race->turns & 1], length);
		__asm__ volatile("" ::: "memory");
	}
	return NULL;
}

static int start(struct race *race)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, rewrite, race))
		return EAGAIN;
	/* On one processor the other runs only while we do not: until it is interrupted, wherever that is. */
	while (race->turns == 0)
		sched_yield();
	syscall(SYS_execve, race->path, race->arguments, environ);
	_exit(errno == EACCES || errno == EPERM ? 126 : 1);
}

/* Ran once: allowed. Never, although it was tried: as the others ended. */
static int race(struct race *race)
{
	int lost = ALLOWED, others = 0;

	for (int try = 0; try < TRIES; try++) {
		int status;
		pid_t child = fork();

		if (child == 0)
			_exit(start(race));
		need(waitpid(child, &status, 0), "wait");
		if (WIFEXITED(status) && WEXITSTATUS(status) == RAN)
			return ALLOWED;
		if (WIFEXITED(status) && WEXITSTATUS(status) == OTHER)
			others++;
		else
			lost = WIFSIGNALED(status) ? KILLED : WEXITSTATUS(status) == 126 ? EACCES : lost;
	}
	if (lost == ALLOWED || others == 0)
		unavailable("the race was never close: %d others of %d", others, TRIES);
	return lost;
}

/* DENIED OTHER: two paths of one length. */
static int race_path(char **arguments)
{
	static char path[PATH_LENGTH];
	struct race raced = {path, {arguments[0], arguments[1]}, path, {"raced", NULL}, 0};

	strcpy(path, arguments[1]);
	return race(&raced);
}

/* PATH DENIED OTHER: two arguments of one length; the program ends with RAN if it got the denied one. */
static int race_argument(char **arguments)
{
	static char argument[PATH_LENGTH];
	struct race raced = {argument, {arguments[1], arguments[2]}, arguments[0], {arguments[0], argument, NULL}, 0};

	strcpy(argument, arguments[2]);
	return race(&raced);
}

const struct act race_acts[] = {{"race-path", 2, race_path}, {"race-argument", 3, race_argument}, {NULL, 0, NULL}};
