#pragma once
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Opens the cgroup with this id in the hierarchy that mount_fd lies in; open_by_handle_at(2). -1 and errno. */
int system_open_cgroup(int mount_fd, uint64_t id);

/*
 * Opens a file of a folder for reading, never one outside it, whatever links lead there, and without blocking.
 * openat2(2). -1 and errno.
 */
int system_open_beneath(int folder_fd, const char *name);

/* Whether names in the folder are found whatever their case; ioctl_iflags(2). */
int system_folds_case(int folder_fd);

/* A folder as a place to look from. It is not opened, so nobody is asked. open(2) with O_PATH. -1 and errno. */
int system_point_at_folder(const char *path);

/*
 * Where a path leads, below a root folder that no link and no `..` leads out of. Nothing is opened. openat2(2) with
 * O_PATH. `cached`: asks no file system, and answers EAGAIN where it would have to. `one_mount`: EXDEV where the
 * path leaves the mount of the folder. -1 and errno.
 */
int system_open_in_root(int root_fd, const char *path, int with_links, int cached, int one_mount);

/*
 * Where a name of a folder leads, on the folder's own mount. Nothing is opened. A link is found itself if `links`, else
 * it is ELOOP. openat2(2) with O_PATH. -1 and errno.
 */
int system_open_child(int folder_fd, const char *name, int links);

/* What statx(2) knows without asking a server. */
struct system_mounted_facts {
	uint64_t mount_id; /* as in mountinfo */
	uint32_t is_null;  /* 1: the device /dev/null */
};

/* 0; -1 and errno. */
int system_mounted(int fd, struct system_mounted_facts *facts);

/* prctl() and syscall() are variadic, and unshare() is behind _GNU_SOURCE: Swift imports none of them. */

/* PR_SET_CHILD_SUBREAPER: orphaned descendants become our children. */
static inline int system_become_subreaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* unshare(CLONE_NEWNS): a mount namespace for the calling thread and for the threads that it starts from now on. */
static inline int system_unshare_mounts(void)
{
	return (int)syscall(SYS_unshare, 0x00020000);
}

/* setns(2) into a mount namespace. -1 and errno. */
int system_enter_mounts(int namespace_fd);

/*
 * Mounts a folder onto itself, with all that is mounted below it: open_tree(2) and move_mount(2). The new mount's
 * descriptor; -1 and errno.
 */
int system_mount_onto_itself(int folder_fd);

/* A device number of stat(2) as the kernel has it in `s_dev`: the minor in the low 20 bits. */
uint32_t system_kernel_device(uint64_t device);

/* Sets the soft limit of open descriptors to the hard one, which is told. 0; -1 and errno. */
int system_raise_descriptor_limit(uint64_t *limit);

/*
 * From now on memory that is freed in large pieces goes back to the kernel at once, in every thread. malloc_trim(3)
 * does not do that for the last piece of another thread's. mallopt(3).
 */
void system_keep_little_memory(void);

/* Gives free memory back to the kernel. malloc_trim(3). */
void system_trim_memory(void);

/* Unmaps the pages of the program's code from memory. Those that are needed come back from the page cache. */
void system_drop_code(void);

/* 1: the folder's file system is an overlay; 0: another; -1 and errno. */
int system_is_overlay(const char *path);

/* A file in memory that can be sealed: memfd_create(2). -1 and errno. */
int system_memory_file(const char *name);

/* Keeps everybody from changing it: F_ADD_SEALS of fcntl(2). -1 and errno. */
int system_seal(int fd);

/* 1: sealed by system_seal; 0: not; -1 and errno. */
int system_is_sealed(int fd);

/* PR_SET_NAME: the calling thread's name, as ps(1) and pgrep(1) show the main thread's; at most 15 bytes count. */
static inline int system_name_thread(const char *name)
{
	return prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* The next connection, which never blocks and which no program inherits: accept4(2). -1 and errno. */
int system_accept(int fd);

/* The program that is started gets no descriptor from `first` on: posix_spawn_file_actions_addclosefrom_np(3). */
int system_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

/*
 * Of the calling thread's capabilities only those of `kept` stay, and a program that it executes gets no others than
 * those of `passable`: capset(2), PR_CAPBSET_DROP and PR_CAP_AMBIENT of prctl(2). Does what it can where a step fails.
 * 0; -1 and errno.
 */
int system_keep_capabilities(uint64_t kept, uint64_t passable);
