/*
 * costs ROOT [FIFO]: what the kernel's work for a task costs, by the clock: performs each act many times, the files
 * being below ROOT, and prints a line with its name and the median in nanoseconds. With FIFO it then says `done` and
 * goes on until somebody opens that for writing.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Odd, so that there is a median. The first ones fill caches. */
#define SAMPLES	    101
#define WARM	    10
#define PATH_LENGTH 4096

static char program[PATH_LENGTH], judged[PATH_LENGTH], file[PATH_LENGTH];

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

static void act_fork(void)
{
	pid_t child = (pid_t)need(fork(), "fork");

	if (child == 0)
		_exit(0);
	wait_for(child, 0);
}

static void execute(char *const *words)
{
	pid_t child = vfork();

	if (child == 0) {
		execve(words[0], words, environ);
		_exit(1);
	}
	wait_for((pid_t)need(child, "vfork"), 42);
}

static void act_exec(void)
{
	char *const words[] = {program, NULL};

	execute(words);
}

/* Of a program with a rule about its arguments. */
static void act_exec_arguments(void)
{
	char *const words[] = {judged, "--first", "a-second-argument", "third", NULL};

	execute(words);
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

static void act_open(void)
{
	need(close((int)need(open(file, O_RDONLY | O_CLOEXEC), file)), "close");
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

static void measure(const char *name, void (*act)(void))
{
	long samples[SAMPLES];

	for (int index = -WARM; index < SAMPLES; index++) {
		long from = nanoseconds();

		act();
		if (index >= 0)
			samples[index] = nanoseconds() - from;
	}
	qsort(samples, SAMPLES, sizeof(*samples), compare);
	printf("%s %ld\n", name, samples[SAMPLES / 2]);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	snprintf(program, sizeof(program), "%s/opt/program", argv[1]);
	snprintf(judged, sizeof(judged), "%s/opt/judged", argv[1]);
	snprintf(file, sizeof(file), "%s/data/plain/file", argv[1]);
	measure("fork", act_fork);
	measure("exec", act_exec);
	measure("exec-arguments", act_exec_arguments);
	measure("thread", act_thread);
	measure("open", act_open);
	if (argc > 2) {
		puts("done");
		fflush(stdout);
		need(open(argv[2], O_RDONLY), argv[2]);
	}
	return 0;
}
