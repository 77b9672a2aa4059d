/*
 * payload ROOT SCRATCH CGROUP-FILE... -- COMMAND...: what a runtime makes of a container's first process, in short. It
 * enters the cgroups by their cgroup.procs, mounts an overlay of ROOT in the folder SCRATCH, takes it as its root, says
 * `ready`, waits for a byte on standard input, and becomes the command. Without a command it sleeps until it is killed.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void need(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
}

static void enter(const char *procs)
{
	int file = open(procs, O_WRONLY | O_CLOEXEC);

	need(file, procs);
	need((int)write(file, "0", 1), procs);
	close(file);
}

/* Its changes go to memory, in a mount that no other process sees. */
static void take_root(const char *image, const char *scratch)
{
	char options[4096];

	need(unshare(CLONE_NEWNS), "unshare");
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
	need(mount("payload", scratch, "tmpfs", 0, NULL), scratch);
	need(chdir(scratch), scratch);
	need(mkdir("upper", 0755), "upper");
	need(mkdir("work", 0700), "work");
	need(mkdir("root", 0755), "root");
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", image, scratch, scratch);
	need(mount("payload", "root", "overlay", 0, options), "overlay");
	need(chroot("root"), "chroot");
	need(chdir("/"), "chdir");
}

int main(int argc, char **argv)
{
	int next = 3;
	char byte;

	if (argc < 4)
		return 2;
	while (next < argc && strcmp(argv[next], "--") != 0)
		enter(argv[next++]);
	take_root(argv[1], argv[2]);
	need((int)write(STDOUT_FILENO, "ready\n", 6), "ready");
	if (next + 1 >= argc)
		for (;;)
			pause();
	if (read(STDIN_FILENO, &byte, 1) != 1)
		return 1;
	execv(argv[next + 1], argv + next + 1);
	perror(argv[next + 1]);
	return 1;
}
