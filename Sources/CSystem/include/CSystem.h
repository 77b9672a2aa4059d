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

/* Gives free memory back to the kernel. malloc_trim(3). */
void system_trim_memory(void);

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

/* The program that is started gets no descriptor from `first` on: posix_spawn_file_actions_addclosefrom_np(3). */
int system_spawn_close_from(posix_spawn_file_actions_t *actions, int first);
