#pragma once
#include <stdint.h>

/* Opens the cgroup with this id in the hierarchy that mount_fd lies in; open_by_handle_at(2). -1 and errno. */
int system_open_cgroup(int mount_fd, uint64_t id);

/* openlog(3) and syslog(3) without their variable arguments. */
void system_open_log(const char *ident);
void system_log(int priority, const char *message);
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* prctl() and syscall() are variadic, and unshare() is behind _GNU_SOURCE: Swift imports none of them. */

/* PR_SET_CHILD_SUBREAPER: orphaned descendants become our children. */
static inline int stockade_become_subreaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* unshare(CLONE_NEWNS): a mount namespace for the calling thread and for the threads that it starts from now on. */
static inline int stockade_unshare_mounts(void)
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

/* 1: the folder's file system is an overlay; 0: another; -1 and errno. */
int system_is_overlay(const char *path);
