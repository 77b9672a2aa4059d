#define _GNU_SOURCE
#include "CBPF.h"
#include "descriptors.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ll

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* What the two processes share. */
struct rival_times {
	volatile uint32_t ends, count;
	volatile uint64_t ran_ns[STOCKADE_RIVAL_TIMES_MAX];
};

/*
 * On the same CPU and with more right to it than every ordinary task: writes down each time that it got it. Only
 * async-signal-safe calls: the parent has threads.
 */
static void rival(int cpu, int ready, struct rival_times *times)
{
	struct sched_param priority = {.sched_priority = sched_get_priority_max(SCHED_FIFO)};
	struct timespec sleep = {.tv_nsec = STOCKADE_RIVAL_PERIOD_NS};
	cpu_set_t set;
	char byte = 0;

	close_all_but(ready, ready);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &priority))
		_exit(1);
	times->ran_ns[0] = now_ns();
	times->count = 1;
	/* Who reads this goes on when this task sleeps. */
	if (write(ready, &byte, 1) != 1)
		_exit(1);
	while (!times->ends && times->count < STOCKADE_RIVAL_TIMES_MAX) {
		nanosleep(&sleep, NULL);
		times->ran_ns[times->count] = now_ns();
		times->count += 1;
	}
	_exit(0);
}

static int fork_once(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	if (child < 0)
		return -1;
	waitpid(child, NULL, 0);
	return 0;
}

/* 0, or -1: the rival could not begin, or no child be made. */
static int fork_beside(int cpu, struct rival_times *times)
{
	int ready[2], result = -1;
	char byte;
	pid_t child;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	child = fork();
	if (child == 0)
		rival(cpu, ready[1], times);
	close(ready[1]);
	if (child > 0) {
		if (read(ready[0], &byte, 1) == 1)
			result = fork_once();
		times->ends = 1;
		waitpid(child, NULL, 0);
	}
	close(ready[0]);
	return result;
}

uint32_t stockade_fork_beside_rival(uint64_t ran_ns[STOCKADE_RIVAL_TIMES_MAX])
{
	int cpu = sched_getcpu();
	struct rival_times *times;
	uint32_t count = 0;
	cpu_set_t before, one;

	if (cpu < 0 || sched_getaffinity(0, sizeof(before), &before))
		return 0;
	times = mmap(NULL, sizeof(*times), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (times == MAP_FAILED)
		return 0;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (!sched_setaffinity(0, sizeof(one), &one)) {
		if (!fork_beside(cpu, times))
			count = times->count;
		sched_setaffinity(0, sizeof(before), &before);
	}
	for (uint32_t index = 0; index < count; index++)
		ran_ns[index] = times->ran_ns[index];
	munmap(times, sizeof(*times));
	return count;
}

uint32_t stockade_thread_id(void)
{
	return gettid();
}
