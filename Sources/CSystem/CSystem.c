#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <stdint.h>
#include <unistd.h>
#include <link.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

int system_folds_case(int folder_fd)
{
	unsigned int flags = 0; /* the kernel writes an int, whatever the command says */

	return ioctl(folder_fd, FS_IOC_GETFLAGS, &flags) == 0 && flags & FS_CASEFOLD_FL;
}

int system_point_at_folder(const char *path)
{
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int system_open_in_root(int root_fd, const char *path, int with_links, int cached, int one_mount)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (with_links ? 0 : O_NOFOLLOW),
		.resolve = RESOLVE_IN_ROOT | (with_links ? RESOLVE_NO_MAGICLINKS : RESOLVE_NO_SYMLINKS) |
			   (cached ? RESOLVE_CACHED : 0) | (one_mount ? RESOLVE_NO_XDEV : 0),
	};

	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

int system_open_child(int folder_fd, const char *name, int links)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (links ? O_NOFOLLOW : 0),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, folder_fd, name, &how, sizeof(how));
}

int system_mounted(int fd, struct system_mounted_facts *facts)
{
	struct statx found;
	int result = statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MNT_ID, &found);

	if (result == -1)
		return -1;
	facts->mount_id = found.stx_mnt_id;
	facts->is_null = S_ISCHR(found.stx_mode) && found.stx_rdev_major == 1 && found.stx_rdev_minor == 3;
	return 0;
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

int system_accept(int fd)
{
	return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

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

/* As at the start of a program. Without this the limit rises with each large piece. */
#define TRIM_BYTES (128 << 10)

void system_keep_little_memory(void)
{
	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
}

void system_trim_memory(void)
{
	malloc_trim(0);
}

/* The program itself is the first object. Its code is never written, so the kernel reads it again where it is needed.
 */
static int drop_code(struct dl_phdr_info *object, size_t size, void *unused)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;

	(void)size;
	(void)unused;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t begin = object->dlpi_addr + part->p_vaddr, end = begin + part->p_memsz;

		if (part->p_type == PT_LOAD && part->p_flags & PF_X && !(part->p_flags & PF_W))
			madvise((void *)((begin + page) & ~page), (end & ~page) - ((begin + page) & ~page),
				MADV_DONTNEED);
	}
	return 1;
}

void system_drop_code(void)
{
	dl_iterate_phdr(drop_code, NULL);
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

/* The bounding set, which takes CAP_SETPCAP. What it lacks already need not be dropped. */
static int bound_capabilities(uint64_t passable)
{
	for (int number = 0; number < 64; number++) {
		int held = prctl(PR_CAPBSET_READ, number, 0, 0, 0);

		if (held < 0) /* the kernel knows no more */
			return errno == EINVAL ? 0 : -1;
		if (held && !(passable >> number & 1) && prctl(PR_CAPBSET_DROP, number, 0, 0, 0))
			return -1;
	}
	return 0;
}

int system_keep_capabilities(uint64_t kept, uint64_t passable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];
	int bounded = bound_capabilities(passable), code = errno;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) || syscall(SYS_capget, &header, sets))
		return -1;
	for (int half = 0; half < 2; half++) {
		sets[half].permitted &= (uint32_t)(kept >> (32 * half));
		sets[half].effective &= sets[half].permitted;
		sets[half].inheritable &= sets[half].permitted;
	}
	if (syscall(SYS_capset, &header, sets))
		return -1;
	errno = code;
	return bounded;
}
