/* How programs are run, and the files that acts need. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COPY_BYTES 65536
/* What shells say of a child that signal 9 ended, and of a program that may not be executed. */
#define SHELL_KILLED (128 + SIGKILL)
#define SHELL_DENIED 126
/* What ld.so says of a program or library that it cannot load. */
#define LOADER_DENIED 127

/* What the wait status of a program says. */
static int judged(int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL ? KILLED : (unavailable("signal %d", WTERMSIG(status)), 0);
	switch (WEXITSTATUS(status)) {
	case RAN:
		return ALLOWED;
	case SHELL_KILLED:
		return KILLED;
	case SHELL_DENIED:
	case LOADER_DENIED:
	case NOT_LOADED:
		return EACCES;
	default:
		unavailable("exit status %d", WEXITSTATUS(status));
	}
}

int run_by(int (*start)(void *context), void *context)
{
	int pipes[2], error, status;
	pid_t child;

	need(pipe2(pipes, O_CLOEXEC), "pipe");
	child = fork();
	if (child == 0) {
		error = start(context);
		_exit(write(pipes[1], &error, sizeof(error)) < 0);
	}
	close(pipes[1]);
	need(waitpid(child, &status, 0), "wait");
	/* Nothing there: the exec succeeded, and closed it. */
	if (read(pipes[0], &error, sizeof(error)) == sizeof(error))
		return error;
	close(pipes[0]);
	return judged(status);
}

struct target {
	int folder, flags;
	const char *path;
	char *const *arguments, *const *environment;
};

static int execute(void *context)
{
	struct target *target = context;

	syscall(SYS_execveat, target->folder, target->path, target->arguments, target->environment, target->flags);
	return errno;
}

int run_with(const char *path, char *const arguments[], char *const environment[])
{
	struct target target = {AT_FDCWD, 0, path, arguments, environment};

	return run_by(execute, &target);
}

int run_at(int folder, const char *path, char *const arguments[])
{
	struct target target = {folder, *path ? 0 : AT_EMPTY_PATH, path, arguments, environ};

	return run_by(execute, &target);
}

int run(const char *path)
{
	char *const arguments[] = {(char *)path, NULL};

	return run_with(path, arguments, environ);
}

void make_folder(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		need(-1, path);
}

void make_folders_of(const char *path)
{
	char folder[PATH_LENGTH];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		make_folder(folder);
	}
}

void copy_to_descriptor(const char *from, int to)
{
	static char buffer[COPY_BYTES];
	int source = (int)need(open(from, O_RDONLY | O_CLOEXEC), from);
	ssize_t count;

	while ((count = need(read(source, buffer, sizeof(buffer)), from)) > 0)
		need(write(to, buffer, (size_t)count), "write");
	close(source);
}

void copy_file(const char *from, const char *to)
{
	int target;

	make_folders_of(to);
	unlink(to);
	target = (int)need(open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755), to);
	copy_to_descriptor(from, target);
	close(target);
}
