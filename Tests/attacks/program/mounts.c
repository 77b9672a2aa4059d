/* Mounts, roots and namespaces that give a file another path. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
	int file = (int)need(open(path, O_WRONLY | O_CLOEXEC), path);

	need(write(file, text, strlen(text)), path);
	close(file);
}

void enter_mount_namespace(void)
{
	need(unshare(CLONE_NEWNS), "unshare mounts");
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make / private");
}

void enter_user_namespace(void)
{
	need(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare user namespace");
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", "0 0 1");
	put("/proc/self/gid_map", "0 0 1");
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make / private");
}

static int run_bound(const char *file, const char *over)
{
	need(mount(file, over, NULL, MS_BIND, NULL), "bind");
	return run(over);
}

/* FILE OVER: the mounts of these acts end with their namespace. */
static int bind_over(char **arguments)
{
	enter_mount_namespace();
	return run_bound(arguments[0], arguments[1]);
}

static int bind_over_shared(char **arguments)
{
	int result = run_bound(arguments[0], arguments[1]);

	umount2(arguments[1], MNT_DETACH);
	return result;
}

static int bind_as_user_root(char **arguments)
{
	enter_user_namespace();
	return run_bound(arguments[0], arguments[1]);
}

/* PATH in a folder that is covered by an empty file system. */
static int tmpfs_over(char **arguments)
{
	char folder[PATH_LENGTH];

	enter_mount_namespace();
	snprintf(folder, sizeof(folder), "%s", arguments[0]);
	/* The program is looked for before it might be covered. */
	copy_file(BENIGN, "/dev/benign");
	need(mount("none", dirname(folder), "tmpfs", 0, NULL), "mount tmpfs");
	copy_file("/dev/benign", arguments[0]);
	return run(arguments[0]);
}

/* LOWER PATH: the container's own overlay, over the folder of PATH, which LOWER has too. */
static int overlay_over(char **arguments)
{
	char folder[PATH_LENGTH], options[PATH_LENGTH + 64];

	enter_mount_namespace();
	snprintf(folder, sizeof(folder), "%s", arguments[1]);
	snprintf(options, sizeof(options), "lowerdir=%s:/opt/empty", arguments[0]);
	need(mount("none", dirname(folder), "overlay", 0, options), "mount overlay");
	return run(arguments[1]);
}

/* ROOT PATH: a tree with a program of its own at an allowed path. */
static int forged_root(char **arguments)
{
	char path[PATH_LENGTH];

	snprintf(path, sizeof(path), "%s%s", arguments[0], arguments[1]);
	copy_file(BENIGN, path);
	need(chroot(arguments[0]), "chroot");
	return run(arguments[1]);
}

static int other_root(char **arguments)
{
	need(chroot(arguments[0]), "chroot");
	return run(arguments[1]);
}

static int pivoted(char **arguments)
{
	char path[PATH_LENGTH];

	enter_mount_namespace();
	make_folder("/tmp/pivot");
	need(mount("none", "/tmp/pivot", "tmpfs", 0, NULL), "mount tmpfs");
	snprintf(path, sizeof(path), "/tmp/pivot%s", arguments[0]);
	copy_file(BENIGN, path);
	need(chdir("/tmp/pivot"), "chdir");
	need(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	need(umount2(".", MNT_DETACH), "umount");
	need(chdir("/"), "chdir");
	return run(arguments[0]);
}

/* Opens the folder of `path`, bound elsewhere, and takes the mount away from under it. */
static int run_unmounted(char *path)
{
	char name[PATH_LENGTH];
	char *const list[] = {name, NULL};
	int folder;

	snprintf(name, sizeof(name), "%s", basename(path));
	enter_mount_namespace();
	make_folder("/tmp/lazy");
	need(mount(dirname(path), "/tmp/lazy", NULL, MS_BIND, NULL), "bind");
	folder = (int)need(open("/tmp/lazy", O_PATH | O_DIRECTORY | O_CLOEXEC), "open");
	need(umount2("/tmp/lazy", MNT_DETACH), "umount");
	return run_at(folder, name, list);
}

static int lazily_unmounted(char **arguments)
{
	return run_unmounted(arguments[0]);
}

static int lazily_unmounted_copy(char **arguments)
{
	copy_file(BENIGN, arguments[0]);
	return run_unmounted(arguments[0]);
}

static int detached_clone(char **arguments)
{
	char name[PATH_LENGTH];
	char *const list[] = {name, NULL};
	int tree;

	snprintf(name, sizeof(name), "%s", basename(arguments[0]));
	tree = (int)need(syscall(SYS_open_tree, AT_FDCWD, dirname(arguments[0]), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC),
			 "open_tree");
	return run_at(tree, name, list);
}

/* PATH, through a /proc of our own. */
static int own_proc(char **arguments)
{
	char path[PATH_LENGTH];

	enter_mount_namespace();
	make_folder("/tmp/proc");
	need(mount("proc", "/tmp/proc", "proc", 0, NULL), "mount proc");
	snprintf(path, sizeof(path), "/tmp/proc/self/root%s", arguments[0]);
	return run(path);
}

static int own_mounts(char **arguments)
{
	need(unshare(CLONE_NEWNS), "unshare");
	return run(arguments[0]);
}

/* PID PATH: a program of another mount namespace's file tree. */
static int other_mounts(char **arguments)
{
	char path[PATH_LENGTH];

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", arguments[0]);
	need(setns((int)need(open(path, O_RDONLY | O_CLOEXEC), path), CLONE_NEWNS), "setns");
	return run(arguments[1]);
}

const struct act mount_acts[] = {{"bind-over", 2, bind_over},
				 {"bind-over-shared", 2, bind_over_shared},
				 {"bind-as-user-root", 2, bind_as_user_root},
				 {"tmpfs-over", 1, tmpfs_over},
				 {"overlay-over", 2, overlay_over},
				 {"forged-root", 2, forged_root},
				 {"other-root", 2, other_root},
				 {"pivoted", 1, pivoted},
				 {"lazily-unmounted", 1, lazily_unmounted},
				 {"lazily-unmounted-copy", 1, lazily_unmounted_copy},
				 {"detached-clone", 1, detached_clone},
				 {"own-proc", 1, own_proc},
				 {"own-mounts", 1, own_mounts},
				 {"other-mounts", 2, other_mounts},
				 {NULL, 0, NULL}};
