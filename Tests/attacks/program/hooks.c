/*
 * What a hook of the runtime does before its container starts. Its working directory is the container's root folder,
 * its root still the machine's; each act but the last changes that into the container's.
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAUSE_MICROSECONDS 1000
#define SEALS		   (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* By `chroot`, or by `pivot`: a mount namespace of its own, from which the machine's root is gone. */
static void change_root(const char *how)
{
	if (strcmp(how, "chroot") == 0) {
		need(chroot("."), "chroot");
		return;
	}
	need(unshare(CLONE_NEWNS), "unshare");
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
	need(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	need(umount2(".", MNT_DETACH), "umount");
	need(chdir("/"), "chdir");
}

static int memory_with(const char *path, unsigned seals)
{
	int file = (int)need(memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create");

	copy_to_descriptor(path, file);
	need(fcntl(file, F_ADD_SEALS, seals), "F_ADD_SEALS");
	return file;
}

struct program {
	const char *how; /* the root is changed */
	const char *path;
	int file; /* without a path */
};

static int execute_in_root(void *context)
{
	struct program *program = context;
	char *const arguments[] = {"program", NULL};

	change_root(program->how);
	syscall(SYS_execveat, program->path ? AT_FDCWD : program->file, program->path ? program->path : "", arguments,
		environ, program->path ? 0 : AT_EMPTY_PATH);
	return errno;
}

/* HOW FILE SEALS: as hooks do, by the descriptor's link; SEALS are `sealed`, or the content can be changed. */
static int run_memory(char **arguments)
{
	int file = memory_with(arguments[1], strcmp(arguments[2], "sealed") ? F_SEAL_SHRINK | F_SEAL_GROW : SEALS);
	char path[PATH_LENGTH];
	struct program program = {arguments[0], path, -1};

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return run_by(execute_in_root, &program);
}

/* HOW FILE: opened before the root is changed. */
static int run_opened(char **arguments)
{
	struct program program = {arguments[0], NULL, (int)need(open(arguments[1], O_RDONLY), "open")};

	return run_by(execute_in_root, &program);
}

/* HOW PATH: looked up in the new root. */
static int run_named(char **arguments)
{
	struct program program = {arguments[0], arguments[1], -1};

	return run_by(execute_in_root, &program);
}

/* FILE: of the machine, bound into the new root. */
static int run_bound(char **arguments)
{
	struct program program = {"chroot", "/tmp/bound", -1};

	close((int)need(open("tmp/bound", O_WRONLY | O_CREAT, 0755), "tmp/bound"));
	need(mount(arguments[0], "tmp/bound", NULL, MS_BIND, NULL), "bind");
	return run_by(execute_in_root, &program);
}

static int execute_linked(void *context)
{
	int *file = context;
	struct program program = {"chroot", "/tmp/link", -1};

	close(*file);
	return execute_in_root(&program);
}

/* FILE: in a sealed memfd of another process than the one that executes it, to which a name in the new root leads. */
static int run_linked(char **arguments)
{
	int file = memory_with(arguments[0], SEALS);
	char path[PATH_LENGTH];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), file);
	unlink("tmp/link");
	need(symlink(path, "tmp/link"), "symlink");
	return run_by(execute_linked, &file);
}

/* PATH: mapped to be executed, as a library is that a hook loads late. */
static int map_named(char **arguments)
{
	int file;

	change_root("chroot");
	file = (int)need(open(arguments[0], O_RDONLY | O_CLOEXEC), "open");
	return mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED ? errno : ALLOWED;
}

/* SECONDS: a process that outlives the hook, and keeps nobody waiting for the end of a pipe. */
static int leave(char **arguments)
{
	pid_t child = (pid_t)need(fork(), "fork");

	/* Until it leads a group of its own it ends with the act. */
	while (child && getpgid(child) != child)
		usleep(PAUSE_MICROSECONDS);
	if (child)
		return ALLOWED;
	setsid();
	close_range(0, ~0U, 0);
	sleep((unsigned)atoi(arguments[0]));
	_exit(0);
}

const struct act hook_acts[] = {{"hook-memfd", 3, run_memory},	{"hook-opened", 2, run_opened},
				{"hook-named", 2, run_named},	{"hook-bound", 1, run_bound},
				{"hook-linked", 1, run_linked}, {"hook-map", 1, map_named},
				{"hook-leave", 1, leave},	{NULL, 0, NULL}};
