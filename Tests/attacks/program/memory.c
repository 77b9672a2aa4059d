/* Many tasks that live at once: each takes memory where the kernel keeps what a task is bound to. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK_BYTES	   32768
#define PAUSE_MICROSECONDS 10000

static _Atomic unsigned tried, through;
static _Atomic int refusal;

/* Lives on, until the process ends, so that nothing of it is freed. */
static void *open_and_stay(void *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		refusal = errno;
	else
		close(file);
	through += file >= 0;
	tried++;
	for (;;)
		pause();
	return NULL;
}

/* How many of COUNT threads could be started; the errno of the first that could not is in `error`. */
static unsigned start(unsigned count, char *path, int *error)
{
	pthread_attr_t attributes;
	pthread_t thread;
	unsigned started;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	*error = 0;
	for (started = 0; started < count && *error == 0; started += *error == 0)
		*error = pthread_create(&thread, &attributes, open_and_stay, path);
	return started;
}

/* "any" or "all", COUNT, PATH. Allowed: some thread could read, or all were started and could. */
static int threads(char **arguments)
{
	unsigned count = (unsigned)atoi(arguments[1]), started;
	int error;

	started = start(count, arguments[2], &error);
	while (tried < started)
		usleep(PAUSE_MICROSECONDS);
	fprintf(stderr, "%u of %u threads were started, %u could read\n", started, count, through);
	if (strcmp(arguments[0], "any") == 0)
		return through ? ALLOWED : refusal;
	return error ? error : through == count ? ALLOWED : refusal;
}

/* READY GO: says by one file that it may begin, and begins when there is the other. */
static int await(char **arguments)
{
	need(open(arguments[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0666), arguments[0]);
	while (access(arguments[1], F_OK))
		usleep(PAUSE_MICROSECONDS);
	return ALLOWED;
}

const struct act memory_acts[] = {{"await", 2, await}, {"threads", 3, threads}, {NULL, 0, NULL}};
