/* Reaching into another process: each act does so with a child that sleeps. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static char target_memory[] = "target";

static pid_t sleeper(void)
{
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	return (pid_t)need(child, "fork");
}

/* PID, or 0 for a sibling of the process that attacks. */
static pid_t victim(char **arguments)
{
	int pid = atoi(arguments[0]);

	return pid ? pid : sleeper();
}

/* What `attack` returns in a child of ours, so that it is no ancestor of its victim. */
static int by_sibling(int (*attack)(pid_t), pid_t pid)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(attack(pid));
	need(waitpid(child, &status, 0), "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

static int attach(pid_t pid)
{
	return outcome(ptrace(PTRACE_ATTACH, pid, NULL, NULL));
}

static int seize(pid_t pid)
{
	return outcome(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
}

static int write_memory(pid_t pid)
{
	char bytes[] = "attack";
	struct iovec ours = {bytes, sizeof(bytes)}, theirs = {target_memory, sizeof(target_memory)};

	return outcome(process_vm_writev(pid, &ours, 1, &theirs, 1, 0));
}

static int read_memory(pid_t pid)
{
	char bytes[sizeof(target_memory)];
	struct iovec ours = {bytes, sizeof(bytes)}, theirs = {target_memory, sizeof(target_memory)};

	return outcome(process_vm_readv(pid, &ours, 1, &theirs, 1, 0));
}

static int open_memory(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	return outcome(open(path, O_RDWR));
}

static int take_descriptor(pid_t pid)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);

	return process < 0 ? errno : outcome(syscall(SYS_pidfd_getfd, process, 1, 0));
}

#define ACT(name, attack)                                                                                              \
	static int name(char **arguments)                                                                              \
	{                                                                                                              \
		return by_sibling(attack, victim(arguments));                                                          \
	}

ACT(attach_act, attach)
ACT(seize_act, seize)
ACT(write_memory_act, write_memory)
ACT(read_memory_act, read_memory)
ACT(open_memory_act, open_memory)
ACT(take_descriptor_act, take_descriptor)

/* NAME: a namespace of another process, for instance its user namespace. */
static int enter_namespace(char **arguments)
{
	char path[PATH_LENGTH];
	int file;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", arguments[0]);
	file = (int)need(open(path, O_RDONLY | O_CLOEXEC), path);
	return outcome(setns(file, 0));
}

const struct act process_acts[] = {{"ptrace-attach", 1, attach_act},
				   {"ptrace-seize", 1, seize_act},
				   {"process-vm-write", 1, write_memory_act},
				   {"process-vm-read", 1, read_memory_act},
				   {"proc-mem", 1, open_memory_act},
				   {"pidfd-getfd", 1, take_descriptor_act},
				   {"setns", 1, enter_namespace},
				   {NULL, 0, NULL}};
