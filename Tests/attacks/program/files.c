/* Ways to read a file. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef OPEN_TREE_NAMESPACE
#define OPEN_TREE_NAMESPACE 2 /* since 7.0 */
#endif

static int read_from(int file)
{
	char byte;

	return file < 0 ? errno : outcome(read(file, &byte, 1));
}

static int plain(char **arguments)
{
	return read_from(open(arguments[0], O_RDONLY));
}

static int mapped(char **arguments)
{
	int file = open(arguments[0], O_RDONLY);

	if (file < 0)
		return errno;
	return outcome(mmap(NULL, 1, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED ? -1 : 0);
}

static int by_symlink(char **arguments)
{
	unlink("/tmp/file-link");
	need(symlink(arguments[0], "/tmp/file-link"), "symlink");
	return read_from(open("/tmp/file-link", O_RDONLY));
}

static int by_relative_path(char **arguments)
{
	char path[PATH_LENGTH], *name = strrchr(arguments[0], '/');

	*name = 0;
	snprintf(path, sizeof(path), "//tmp/..%s//./%s", arguments[0], name + 1);
	return read_from(open(path, O_RDONLY));
}

/* A descriptor that cannot be read from, opened once more. */
static int reopened(char **arguments)
{
	char path[PATH_LENGTH];

	snprintf(path, sizeof(path), "/proc/self/fd/%ld", need(open(arguments[0], O_PATH), "O_PATH"));
	return read_from(open(path, O_RDONLY));
}

static int by_handle(char **arguments)
{
	struct file_handle *handle = calloc(1, sizeof(*handle) + MAX_HANDLE_SZ);
	int mount_id, root = (int)need(open(dirname(strdup(arguments[0])), O_RDONLY | O_DIRECTORY), "open folder");

	handle->handle_bytes = MAX_HANDLE_SZ;
	need(name_to_handle_at(AT_FDCWD, arguments[0], handle, &mount_id, 0), "name_to_handle_at");
	return read_from(open_by_handle_at(root, handle, O_RDONLY));
}

static int by_ring(char **arguments)
{
	return read_from(ring_open(arguments[0]));
}

static int by_own_root(char **arguments)
{
	char path[PATH_LENGTH];

	snprintf(path, sizeof(path), "/proc/self/root%s", arguments[0]);
	return read_from(open(path, O_RDONLY));
}

static int by_other_root(char **arguments)
{
	char path[PATH_LENGTH];
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/root%s", child, arguments[0]);
	return read_from(open(path, O_RDONLY));
}

static int read_bound(char *path)
{
	char name[PATH_LENGTH];

	make_folder("/tmp/bound");
	snprintf(name, sizeof(name), "/tmp/bound/%s", basename(path));
	need(mount(dirname(path), "/tmp/bound", NULL, MS_BIND, NULL), "bind");
	return read_from(open(name, O_RDONLY));
}

static int by_bind(char **arguments)
{
	enter_mount_namespace();
	return read_bound(arguments[0]);
}

static int by_user_root(char **arguments)
{
	enter_user_namespace();
	return read_bound(arguments[0]);
}

static int by_chroot(char **arguments)
{
	char name[PATH_LENGTH];

	snprintf(name, sizeof(name), "/%s", basename(arguments[0]));
	need(chroot(dirname(arguments[0])), "chroot");
	return read_from(open(name, O_RDONLY));
}

static int by_detached_clone(char **arguments)
{
	char name[PATH_LENGTH];
	int tree;

	snprintf(name, sizeof(name), "%s", basename(arguments[0]));
	tree = (int)need(syscall(SYS_open_tree, AT_FDCWD, dirname(arguments[0]), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC),
			 "open_tree");
	return read_from(openat(tree, name, O_RDONLY));
}

/* VOLUME NAME: a mount namespace that has nothing but the volume. No mount is made for it, so no hook of mounts asks.
 */
static int by_namespace(char **arguments)
{
	int namespace = (int)need(
		syscall(SYS_open_tree, AT_FDCWD, arguments[0], OPEN_TREE_NAMESPACE | OPEN_TREE_CLOEXEC), "open_tree");

	need(setns(namespace, CLONE_NEWNS), "setns");
	return read_from(open(arguments[1], O_RDONLY));
}

/* A program without a file of its own. */
static int by_memfd_program(char **arguments)
{
	char *const list[] = {"attack", "read", arguments[0], NULL};
	int status, error, file = (int)need(memfd_create("reader", MFD_CLOEXEC), "memfd_create");
	pid_t child;

	copy_to_descriptor("/bin/attack", file);
	child = fork();
	if (child == 0) {
		syscall(SYS_execveat, file, "", list, environ, AT_EMPTY_PATH);
		_exit(1);
	}
	need(waitpid(child, &status, 0), "wait");
	error = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	if (error == 1)
		unavailable("the program did not run");
	return error == RAN ? ALLOWED : error;
}

const struct act file_acts[] = {{"read", 1, plain},
				{"read-map", 1, mapped},
				{"read-symlink", 1, by_symlink},
				{"read-relative", 1, by_relative_path},
				{"read-reopened", 1, reopened},
				{"read-handle", 1, by_handle},
				{"read-ring", 1, by_ring},
				{"read-own-root", 1, by_own_root},
				{"read-other-root", 1, by_other_root},
				{"read-bind", 1, by_bind},
				{"read-user-root", 1, by_user_root},
				{"read-chroot", 1, by_chroot},
				{"read-detached", 1, by_detached_clone},
				{"read-namespace", 2, by_namespace},
				{"read-memfd-program", 1, by_memfd_program},
				{NULL, 0, NULL}};
