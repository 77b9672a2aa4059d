#define _GNU_SOURCE
#include "CSystem.h"
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mman.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* FILEID_KERNFS of the kernel's exportfs.h: the handle is the 64-bit id. */
#define KERNFS_HANDLE 0xfe

int system_open_cgroup(int mount_fd, uint64_t id)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[sizeof(id)];
	} request = {.handle = {.handle_bytes = sizeof(id), .handle_type = KERNFS_HANDLE}};

	memcpy(request.handle.f_handle, &id, sizeof(id));
	return open_by_handle_at(mount_fd, &request.handle, O_PATH | O_CLOEXEC | O_DIRECTORY);
}

int system_open_beneath(int folder_fd, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, folder_fd, name, &how, sizeof(how));
}

int system_enter_mounts(int namespace_fd)
{
	return setns(namespace_fd, CLONE_NEWNS);
}

int system_mount_onto_itself(int folder_fd)
{
	int tree = (int)syscall(SYS_open_tree, folder_fd, "",
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);

	if (tree == -1)
		return -1;
	if (syscall(SYS_move_mount, tree, "", folder_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0)
		return tree;
	close(tree);
	return -1;
}

uint32_t system_kernel_device(uint64_t device)
{
	return major(device) << 20 | minor(device);
}

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

int system_memory_file(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

int system_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, SEALS);
}

int system_is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals == -1 ? -1 : (seals & SEALS) == SEALS;
}

int system_spawn_close_from(posix_spawn_file_actions_t *actions, int first)
{
	return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

#define OVERLAY_MAGIC 0x794c7630

int system_is_overlay(const char *path)
{
	struct statfs status;

	if (statfs(path, &status))
		return -1;
	return status.f_type == OVERLAY_MAGIC;
}

void system_trim_memory(void)
{
	malloc_trim(0);
}

int system_raise_descriptor_limit(uint64_t *limit)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return -1;
	files.rlim_cur = files.rlim_max;
	*limit = files.rlim_cur;
	return setrlimit(RLIMIT_NOFILE, &files);
}
