#define _GNU_SOURCE
#include "CBPF.h"
#include "descriptors.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RACERS		    6
#define PROBE_LIMIT_SECONDS 10

/* In memory that the racers share. */
struct stockade_race {
	uint32_t seconds;
	uint32_t crowd; /* not 0: so many, once, instead of few for so long */
	atomic_ullong opens, opened, executions, executed, forks_refused;
};

/* Only async-signal-safe calls in the child: the parent has threads. */
static void join(const char *cgroup_procs)
{
	int procs = open(cgroup_procs, O_WRONLY | O_CLOEXEC);

	if (procs < 0 || write(procs, "0", 1) != 1)
		_exit(STOCKADE_PROBE_CANNOT_JOIN);
	close(procs);
}

static void probe_prepare(const char *memory_procs, const char *cgroup_procs)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (memory_procs)
		join(memory_procs);
	join(cgroup_procs);
	if (unshare(CLONE_NEWNS))
		_exit(STOCKADE_PROBE_CANNOT_UNSHARE);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
}

static void probe_try(void)
{
	char *const arguments[] = {"stockade", "version", NULL}, *const environment[] = {NULL};
	bool opened = open("/proc/self/stat", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES;

	/* Longer than the slowest disk needs for this very program. */
	alarm(PROBE_LIMIT_SECONDS);
	execve("/proc/self/exe", arguments, environment);
	if (errno != EACCES)
		_exit(STOCKADE_PROBE_CANNOT_EXEC);
	_exit(opened ? STOCKADE_PROBE_EXEC_REFUSED : STOCKADE_PROBE_ALL_REFUSED);
}

/* Waits for its end. */
static int reap(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

/* In a child of its own, which is bound only by what it gets from its parent; ends as that ends. */
static void probe_in_child(void)
{
	pid_t child = _Fork();
	int status;

	if (!child)
		probe_try();
	status = child < 0 ? child : reap(child);
	if (status < 0)
		_exit(STOCKADE_PROBE_CANNOT_FORK);
	if (WIFSIGNALED(status))
		raise(WTERMSIG(status));
	_exit(WEXITSTATUS(status));
}

/* How a racer's child ends that could not execute anything. */
enum { RACE_HELD = 77, RACE_NOT_TRIED };

static void race_try(struct stockade_race *race)
{
	char *const arguments[] = {"stockade", "version", NULL}, *const environment[] = {NULL};

	race->opens++;
	if (open("/proc/self/stat", O_RDONLY | O_CLOEXEC) >= 0)
		race->opened++;
	execve("/proc/self/exe", arguments, environment);
	_exit(errno == EACCES ? RACE_HELD : RACE_NOT_TRIED);
}

static void race_count(struct stockade_race *race, int status)
{
	if (status < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == RACE_NOT_TRIED))
		return;
	race->executions++;
	if (!(WIFEXITED(status) && WEXITSTATUS(status) == RACE_HELD) &&
	    !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		race->executed++;
}

static void race_once(struct stockade_race *race)
{
	pid_t child = vfork();

	if (child == 0)
		race_try(race);
	if (child < 0)
		race->forks_refused++;
	else
		race_count(race, reap(child));
}

static time_t now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void probe_race(struct stockade_race *race)
{
	time_t end = now_seconds() + race->seconds;

	for (int racer = 0; racer < RACERS; racer++)
		if (_Fork() == 0) {
			while (now_seconds() < end)
				race_once(race);
			_exit(0);
		}
	while (wait(NULL) > 0 || errno == EINTR) {
	}
	_exit(0);
}

/* All are there before the first one tries. */
static void probe_crowd(struct stockade_race *race)
{
	int gate[2], status;
	pid_t child = 1;
	char byte;

	if (pipe2(gate, O_CLOEXEC))
		_exit(STOCKADE_PROBE_CANNOT_FORK);
	for (uint32_t member = 0; member < race->crowd && child > 0; member++) {
		child = _Fork();
		if (child == 0) {
			close(gate[1]);
			if (read(gate[0], &byte, 1) == 0)
				race_try(race);
			_exit(RACE_NOT_TRIED);
		}
		race->forks_refused += child < 0;
	}
	close(gate[1]);
	while ((child = wait(&status)) > 0 || errno == EINTR)
		if (child > 0)
			race_count(race, status);
	_exit(0);
}

static void probe_child(const struct stockade_probe *probe, int ready, int go)
{
	struct stockade_race *race = probe->race;
	char byte = 0;

	close_all_but(ready, go);
	probe_prepare(probe->memory_procs, probe->cgroup_procs);
	if (write(ready, &byte, 1) == 1 && read(go, &byte, 1) == 1) {
		if (race && race->crowd)
			probe_crowd(race);
		if (race)
			probe_race(race);
		probe_in_child();
	}
	_exit(STOCKADE_PROBE_CANNOT_EXEC);
}

struct stockade_race *stockade_race_make(uint32_t seconds, uint32_t crowd)
{
	struct stockade_race *race =
		mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (race == MAP_FAILED)
		return NULL;
	race->seconds = seconds;
	race->crowd = crowd;
	return race;
}

void stockade_race_free(struct stockade_race *race)
{
	munmap(race, sizeof(*race));
}

struct stockade_race_counts stockade_race_counts(const struct stockade_race *race)
{
	return (struct stockade_race_counts){race->opens, race->opened, race->executions, race->executed,
					     race->forks_refused};
}

int stockade_probe_start(const struct stockade_probe *probe, int *go)
{
	int ready[2], start[2], error;
	char byte;
	pid_t child;

	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	if (pipe2(start, O_CLOEXEC)) {
		error = errno;
		close(ready[0]);
		close(ready[1]);
		return -error;
	}
	child = fork();
	error = errno;
	if (!child) {
		close(start[1]);
		probe_child(probe, ready[1], start[0]);
	}
	close(ready[1]);
	close(start[0]);
	*go = start[1];
	/* Without a byte it has ended already, and its status says why. */
	if (child > 0)
		while (read(ready[0], &byte, 1) < 0 && errno == EINTR) {
		}
	close(ready[0]);
	if (child < 0) {
		close(start[1]);
		return -error;
	}
	return child;
}

int stockade_probe_finish(int pid, int go)
{
	char byte = 0;

	/* Where it has ended already there is nobody to be told; SIGPIPE is ignored by every command. */
	if (write(go, &byte, 1) < 0 && errno != EPIPE) {
		int error = errno;

		close(go);
		reap(pid);
		return -error;
	}
	close(go);
	return reap(pid);
}
