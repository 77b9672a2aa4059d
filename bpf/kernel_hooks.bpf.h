/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The profile's `kernel` section, but for memory (memory_hooks.bpf.h) and ptrace (trace_hooks.bpf.h). Hooks:
 *   sb_mount, sb_set_mnt_opts, sb_kern_mount, sb_remount, move_mount, sb_umount, sb_pivotroot   mount
 *   userns_create                                                                           userNamespaces
 *   bpf                                                                                     bpf
 *   inode_init_security_anon, uring_allowed, uring_override_creds, uring_sqpoll, uring_cmd  ioUring
 *   socket_create                                                                           packetSockets
 *   kernel_read_file, kernel_load_data, kernel_module_request                               moduleLoad
 *   key_alloc, key_permission                                                               keyrings
 *   perf_event_open                                                                         perfEvents
 */
#ifndef STOCKADE_KERNEL_HOOKS_H
#define STOCKADE_KERNEL_HOOKS_H

#include "kernel.bpf.h"

/* Of include/linux/fs.h: the kernel mounts it itself, for an automount, or to have a file system of its own. */
#define SB_KERNMOUNT (1ul << 22)
#define SB_SUBMOUNT  (1ul << 26)

/* Of the user interface, the same on x86-64 and arm64. */
#define AF_INET	  2
#define AF_INET6  10
#define AF_PACKET 17
#define AF_XDP	  44
#define SOCK_RAW  3

/* ---- mount ---- */

/* mount(2) in all its forms. */
HOOK(sb_mount)
int BPF_PROG(kernel_mount, const char *device, struct path *path)
{
	return refuse_surface(STOCKADE_SURFACE_MOUNT);
}

/* fsconfig(2) that makes a super block, before any of the file system's data is read. */
HOOK(sb_set_mnt_opts)
int BPF_PROG(kernel_mount_options, struct super_block *super_block)
{
	if (super_block->s_flags & (SB_KERNMOUNT | SB_SUBMOUNT))
		return 0;
	return refuse_surface(STOCKADE_SURFACE_MOUNT);
}

/* fsmount(2). */
HOOK(sb_kern_mount)
int BPF_PROG(kernel_fsmount, struct super_block *super_block)
{
	if (super_block->s_flags & (SB_KERNMOUNT | SB_SUBMOUNT))
		return 0;
	return refuse_surface(STOCKADE_SURFACE_MOUNT);
}

/* fspick(2) and fsconfig(2). */
HOOK(sb_remount)
int BPF_PROG(kernel_remount, struct super_block *super_block)
{
	return refuse_surface(STOCKADE_SURFACE_MOUNT);
}

/* move_mount(2), also of what open_tree(2) or fsmount(2) made. */
HOOK(move_mount)
int BPF_PROG(kernel_move_mount, struct path *from, struct path *to)
{
	return refuse_surface(STOCKADE_SURFACE_MOUNT);
}

HOOK(sb_umount)
int BPF_PROG(kernel_umount, struct vfsmount *mount)
{
	return refuse_surface(STOCKADE_SURFACE_MOUNT);
}

HOOK(sb_pivotroot)
int BPF_PROG(kernel_pivot_root, struct path *old_path, struct path *new_path)
{
	return refuse_surface(STOCKADE_SURFACE_MOUNT);
}

/* ---- userNamespaces ---- */

/* clone, clone3 and unshare. */
HOOK_NAMED(userns_create, create_user_ns)
int BPF_PROG(kernel_user_namespace, const struct cred *cred)
{
	return refuse_surface(STOCKADE_SURFACE_USER_NAMESPACES);
}

/* ---- bpf ---- */

HOOK(bpf)
int BPF_PROG(kernel_bpf, int command)
{
	return refuse_surface(STOCKADE_SURFACE_BPF);
}

/* ---- ioUring ---- */

#define RING_NAME "[io_uring]"

/* The ring that io_uring_setup(2) makes, told by its name. */
static inline bool is_ring(const struct qstr *name)
{
	char text[sizeof(RING_NAME)] = {};

	if (name->len != sizeof(RING_NAME) - 1 || bpf_probe_read_kernel(text, sizeof(text) - 1, name->name))
		return false;
	for (int index = 0; index < (int)sizeof(RING_NAME) - 1; index++)
		if (text[index] != RING_NAME[index])
			return false;
	return true;
}

HOOK(inode_init_security_anon)
int BPF_PROG(kernel_ring, struct inode *inode, const struct qstr *name)
{
	return is_ring(name) ? refuse_surface(STOCKADE_SURFACE_IO_URING) : 0;
}

/* io_uring_setup(2), before anything is made. Since 6.15. */
HOOK_OPTIONAL(uring_allowed)
int BPF_PROG(kernel_ring_allowed)
{
	return refuse_surface(STOCKADE_SURFACE_IO_URING);
}

/* What is done with a ring that came from elsewhere, as far as the kernel asks. */
HOOK(uring_override_creds)
int BPF_PROG(kernel_ring_credentials, const struct cred *cred)
{
	return refuse_surface(STOCKADE_SURFACE_IO_URING);
}

HOOK(uring_sqpoll)
int BPF_PROG(kernel_ring_poll)
{
	return refuse_surface(STOCKADE_SURFACE_IO_URING);
}

HOOK(uring_cmd)
int BPF_PROG(kernel_ring_command)
{
	return refuse_surface(STOCKADE_SURFACE_IO_URING);
}

/* ---- packetSockets ---- */

/* SOCK_PACKET of AF_INET was made AF_PACKET before. */
static inline bool is_packet_socket(int family, int type)
{
	if (family == AF_INET || family == AF_INET6)
		return type == SOCK_RAW;
	return family == AF_PACKET || family == AF_XDP;
}

HOOK(socket_create)
int BPF_PROG(kernel_socket, int family, int type, int protocol, int of_kernel)
{
	return !of_kernel && is_packet_socket(family, type) ? refuse_surface(STOCKADE_SURFACE_PACKET_SOCKETS) : 0;
}

/* ---- moduleLoad ---- */

/* A value that the running kernel has, by its own numbering; one that it does not have is nobody's. */
#define IS_VALUE(number, type, value)                                                                                  \
	(bpf_core_enum_value_exists(type, value) && (number) == (int)bpf_core_enum_value(type, value))

/* finit_module, kexec_file_load. */
HOOK(kernel_read_file)
int BPF_PROG(kernel_read, struct file *file, int id)
{
	if (IS_VALUE(id, enum kernel_read_file_id, READING_MODULE) ||
	    IS_VALUE(id, enum kernel_read_file_id, READING_MODULE_COMPRESSED) ||
	    IS_VALUE(id, enum kernel_read_file_id, READING_KEXEC_IMAGE) ||
	    IS_VALUE(id, enum kernel_read_file_id, READING_KEXEC_INITRAMFS))
		return refuse_surface(STOCKADE_SURFACE_MODULE_LOAD);
	return 0;
}

/* init_module, kexec_load. */
HOOK(kernel_load_data)
int BPF_PROG(kernel_load, int id)
{
	if (IS_VALUE(id, enum kernel_load_data_id, LOADING_MODULE) ||
	    IS_VALUE(id, enum kernel_load_data_id, LOADING_MODULE_COMPRESSED) ||
	    IS_VALUE(id, enum kernel_load_data_id, LOADING_KEXEC_IMAGE) ||
	    IS_VALUE(id, enum kernel_load_data_id, LOADING_KEXEC_INITRAMFS))
		return refuse_surface(STOCKADE_SURFACE_MODULE_LOAD);
	return 0;
}

/* What the kernel would load for the task: a file system, a protocol, a cipher. */
HOOK(kernel_module_request)
int BPF_PROG(kernel_request, char *name)
{
	return refuse_surface(STOCKADE_SURFACE_MODULE_LOAD);
}

/* ---- keyrings ---- */

HOOK(key_alloc)
int BPF_PROG(kernel_key_alloc)
{
	return refuse_surface(STOCKADE_SURFACE_KEYRINGS);
}

HOOK(key_permission)
int BPF_PROG(kernel_key)
{
	return refuse_surface(STOCKADE_SURFACE_KEYRINGS);
}

/* ---- perfEvents ---- */

HOOK(perf_event_open)
int BPF_PROG(kernel_perf)
{
	return refuse_surface(STOCKADE_SURFACE_PERF_EVENTS);
}

#endif
