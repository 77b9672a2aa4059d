/* Ways to execute a program under another name, or under none. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 1000

static int plain(char **arguments)
{
	return run(arguments[0]);
}

static int with_argument(char **arguments)
{
	char *const list[] = {arguments[0], arguments[1], NULL};

	return run_with(arguments[0], list, environ);
}

/* An argument as long as one may be, and then the one that matters: PATH ARGUMENT. */
static int with_long_arguments(char **arguments)
{
	static char filler[16384];
	char *const list[] = {arguments[0], filler, arguments[1], NULL};

	memset(filler, 'x', sizeof(filler) - 1);
	return run_with(arguments[0], list, environ);
}

static int by_symlink(char **arguments)
{
	unlink("/tmp/link");
	need(symlink(arguments[0], "/tmp/link"), "symlink");
	return run("/tmp/link");
}

static int by_hard_link(char **arguments)
{
	unlink(arguments[1]);
	need(link(arguments[0], arguments[1]), "link");
	return run(arguments[1]);
}

static int by_copy(char **arguments)
{
	copy_file(arguments[0], arguments[1]);
	return run(arguments[1]);
}

static int by_rename(char **arguments)
{
	need(rename(arguments[0], arguments[1]), "rename");
	return run(arguments[1]);
}

/* FOLDER NEW-NAME PROGRAM: the rename itself may be what is denied. */
static int by_renamed_folder(char **arguments)
{
	char path[PATH_LENGTH];

	if (rename(arguments[0], arguments[1]))
		return errno;
	snprintf(path, sizeof(path), "%s/%s", arguments[1], arguments[2]);
	return run(path);
}

/* FOLDER NEW-NAME: a folder and a program that are no one else's. */
static int by_own_folder(char **arguments)
{
	char path[PATH_LENGTH];
	char *words[] = {arguments[0], arguments[1], "program"};

	make_folder(arguments[0]);
	snprintf(path, sizeof(path), "%s/program", arguments[0]);
	copy_file(BENIGN, path);
	return by_renamed_folder(words);
}

static int by_shell(char **arguments)
{
	char *const list[] = {"sh", "-c", arguments[0], NULL};

	return run_with("/bin/sh", list, environ);
}

static int by_shell_child(char **arguments)
{
	char command[PATH_LENGTH];
	char *const list[] = {"sh", "-c", command, NULL};

	snprintf(command, sizeof(command), "%s; exit $?", arguments[0]);
	return run_with("/bin/sh", list, environ);
}

/* PATH, which becomes a copy of this program, and `kept` or `deleted`. */
static int by_own(char **arguments)
{
	char *const kept[] = {"attack", "own", NULL}, *const deleted[] = {"attack", "own", "deleted", NULL};

	copy_file("/bin/attack", arguments[0]);
	return run_with(arguments[0], strcmp(arguments[1], "deleted") ? kept : deleted, environ);
}

static int by_memfd(char **arguments)
{
	char *const list[] = {arguments[0], NULL};
	int file = (int)need(memfd_create("program", MFD_CLOEXEC), "memfd_create");

	copy_to_descriptor(arguments[0], file);
	return run_at(file, "", list);
}

static int by_descriptor(char **arguments)
{
	char *const list[] = {arguments[0], NULL};

	return run_at((int)need(open(arguments[0], O_RDONLY | O_CLOEXEC), "open"), "", list);
}

static int by_descriptor_link(char **arguments)
{
	char path[PATH_LENGTH];

	snprintf(path, sizeof(path), "/proc/self/fd/%ld", need(open(arguments[0], O_PATH), "open"));
	return run(path);
}

/* FOLDER PATH: a file that never had a name gets one. */
static int by_unnamed_file(char **arguments)
{
	int file = (int)need(open(arguments[0], O_TMPFILE | O_WRONLY | O_CLOEXEC, 0755), "O_TMPFILE");
	char path[PATH_LENGTH];

	copy_to_descriptor(BENIGN, file);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	unlink(arguments[1]);
	need(linkat(AT_FDCWD, path, AT_FDCWD, arguments[1], AT_SYMLINK_FOLLOW), "linkat");
	close(file);
	return run(arguments[1]);
}

/* A file without a name; opened once more, since what is open for writing cannot be executed. */
static int by_nameless_file(char **arguments)
{
	int writer = (int)need(open(arguments[0], O_TMPFILE | O_RDWR | O_CLOEXEC, 0755), "O_TMPFILE"), file;
	char path[PATH_LENGTH];
	char *const list[] = {"nameless", NULL};

	copy_to_descriptor(BENIGN, writer);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writer);
	file = (int)need(open(path, O_RDONLY | O_CLOEXEC), "open again");
	close(writer);
	return run_at(file, "", list);
}

static int by_deleted_file(char **arguments)
{
	char *const list[] = {arguments[0], NULL};
	int file;

	copy_file(BENIGN, arguments[0]);
	file = (int)need(open(arguments[0], O_RDONLY | O_CLOEXEC), "open");
	need(unlink(arguments[0]), "unlink");
	return run_at(file, "", list);
}

/* `/opt/x` as `//opt/../opt//./x`. */
static int by_dots(char **arguments)
{
	char path[PATH_LENGTH], *name = strrchr(arguments[0], '/'), *folder = arguments[0];

	*name = 0;
	snprintf(path, sizeof(path), "/%s/..%s//./%s", folder, folder, name + 1);
	return run(path);
}

/* FOLDER: goes down through folders that each hold the next, to a program whose path no call takes whole. */
static int deep(char **arguments)
{
	char name[256];

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	need(chdir(arguments[0]), "chdir");
	while (!chdir(name))
		;
	return run("./program");
}

static void *execute_in_thread(void *path)
{
	execl(path, path, NULL);
	return (void *)(long)errno;
}

static int start_thread(void *path)
{
	pthread_t thread;
	void *error;

	if (pthread_create(&thread, NULL, execute_in_thread, path))
		return EAGAIN;
	pthread_join(thread, &error);
	return (int)(long)error;
}

static int by_thread(char **arguments)
{
	return run_by(start_thread, arguments[0]);
}

static int after_vfork(char **arguments)
{
	volatile int error = 0;
	int status;
	pid_t child = vfork();

	if (child == 0) {
		execl(arguments[0], arguments[0], NULL);
		error = errno;
		_exit(0);
	}
	need(waitpid(child, &status, 0), "wait");
	if (error)
		return error;
	return WIFSIGNALED(status) ? KILLED : WEXITSTATUS(status) == RAN ? ALLOWED : (unavailable("not run"), 0);
}

static int by_spawn(char **arguments)
{
	char *const list[] = {arguments[0], NULL};
	int status, error;
	pid_t child;

	error = posix_spawn(&child, arguments[0], NULL, NULL, list, environ);
	if (error)
		return error;
	need(waitpid(child, &status, 0), "wait");
	return WIFSIGNALED(status) ? KILLED : WEXITSTATUS(status) == RAN ? ALLOWED : (unavailable("not run"), 0);
}

static int after_writing(char **arguments)
{
	int file = (int)need(open(arguments[0], O_WRONLY | O_APPEND | O_CLOEXEC), "open for writing");

	need(write(file, "x", 1), "write");
	close(file);
	return run(arguments[0]);
}

static int as_user(void *path)
{
	if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
		return errno;
	execl(path, path, NULL);
	return errno;
}

static int by_user(char **arguments)
{
	return run_by(as_user, arguments[0]);
}

const struct act program_acts[] = {{"plain", 1, plain},
				   {"argument", 2, with_argument},
				   {"long-arguments", 2, with_long_arguments},
				   {"symlink", 1, by_symlink},
				   {"hard-link", 2, by_hard_link},
				   {"copy", 2, by_copy},
				   {"rename", 2, by_rename},
				   {"renamed-folder", 3, by_renamed_folder},
				   {"own-folder", 2, by_own_folder},
				   {"shell", 1, by_shell},
				   {"shell-child", 1, by_shell_child},
				   {"own", 2, by_own},
				   {"memfd", 1, by_memfd},
				   {"descriptor", 1, by_descriptor},
				   {"descriptor-link", 1, by_descriptor_link},
				   {"unnamed-file", 2, by_unnamed_file},
				   {"nameless-file", 1, by_nameless_file},
				   {"deleted-file", 1, by_deleted_file},
				   {"dots", 1, by_dots},
				   {"deep", 1, deep},
				   {"thread", 1, by_thread},
				   {"vfork", 1, after_vfork},
				   {"spawn", 1, by_spawn},
				   {"after-writing", 1, after_writing},
				   {"user", 1, by_user},
				   {NULL, 0, NULL}};
