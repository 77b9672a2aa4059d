/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The profile's `kernel` section. Memory is in memory_hooks.bpf.h, and ptrace in trace_hooks.bpf.h. Hooks:
 *   sb_mount, sb_set_mnt_opts, sb_kern_mount, sb_remount, move_mount, sb_umount, sb_pivotroot   mount
 *   userns_create                                                                           userNamespaces
 *   bpf                                                                                     bpf
 *   inode_init_security_anon, uring_allowed, uring_override_creds, uring_sqpoll, uring_cmd  ioUring
 *   socket_create                                                                           packetSockets, sockets
 *   kernel_read_file, kernel_load_data, kernel_module_request, capable                      moduleLoad
 *   key_alloc, key_permission                                                               keyrings
 *   perf_event_open                                                                         perfEvents
 */
#ifndef STOCKADE_KERNEL_HOOKS_H
#define STOCKADE_KERNEL_HOOKS_H

#include "hooks/kernel.bpf.h"

/* ---- mount ---- */

/* mount(2) in all its forms. */
HOOK(sb_mount)
int BPF_PROG(kernel_mount, const char *device, struct path *path)
{
	return judge_surface(STOCKADE_SURFACE_MOUNT);
}

/* fsconfig(2) that makes a super block, before the kernel reads any data of the file system. */
HOOK(sb_set_mnt_opts)
int BPF_PROG(kernel_mount_options, struct super_block *super_block)
{
	return judge_surface(surface_of_mount(super_block->s_flags));
}

/* fsmount(2). */
HOOK(sb_kern_mount)
int BPF_PROG(kernel_fsmount, struct super_block *super_block)
{
	return judge_surface(surface_of_mount(super_block->s_flags));
}

/* fspick(2) and fsconfig(2). */
HOOK(sb_remount)
int BPF_PROG(kernel_remount, struct super_block *super_block)
{
	return judge_surface(STOCKADE_SURFACE_MOUNT);
}

/* move_mount(2), also of a mount that open_tree(2) or fsmount(2) made. */
HOOK(move_mount)
int BPF_PROG(kernel_move_mount, struct path *from, struct path *to)
{
	return judge_surface(STOCKADE_SURFACE_MOUNT);
}

HOOK(sb_umount)
int BPF_PROG(kernel_umount, struct vfsmount *mount)
{
	return judge_surface(STOCKADE_SURFACE_MOUNT);
}

HOOK(sb_pivotroot)
int BPF_PROG(kernel_pivot_root, struct path *old_path, struct path *new_path)
{
	return judge_surface(STOCKADE_SURFACE_MOUNT);
}

/* ---- userNamespaces ---- */

/* clone(2), clone3(2) and unshare(2). */
HOOK_NAMED(userns_create, create_user_ns)
int BPF_PROG(kernel_user_namespace, const struct cred *cred)
{
	return judge_surface(STOCKADE_SURFACE_USER_NAMESPACES);
}

/* ---- bpf ---- */

HOOK(bpf)
int BPF_PROG(kernel_bpf, int command)
{
	return judge_surface(STOCKADE_SURFACE_BPF);
}

/* ---- ioUring ---- */

/* io_uring_setup(2). The ring that it makes is known by its name. So is what userfaultfd(2) makes. */
HOOK(inode_init_security_anon)
int BPF_PROG(kernel_ring, struct inode *inode, const struct qstr *name)
{
	char text[ANONYMOUS_MAX] = {};
	__u32 length = name->len;

	if (length >= sizeof(text))
		return 0;
	if (bpf_probe_read_kernel(text, length, name->name))
		return judge_surface(STOCKADE_SURFACE_IO_URING | STOCKADE_SURFACE_EXECUTABLE_MEMORY);
	return judge_surface(surface_of_anonymous(text, length));
}

/* io_uring_setup(2), before the kernel makes anything. Since Linux 6.15. */
HOOK_OPTIONAL(uring_allowed)
int BPF_PROG(kernel_ring_allowed)
{
	return judge_surface(STOCKADE_SURFACE_IO_URING);
}

/* The uses of a ring that came from elsewhere, as far as the kernel asks about them. */
HOOK(uring_override_creds)
int BPF_PROG(kernel_ring_credentials, const struct cred *cred)
{
	return judge_surface(STOCKADE_SURFACE_IO_URING);
}

HOOK(uring_sqpoll)
int BPF_PROG(kernel_ring_poll)
{
	return judge_surface(STOCKADE_SURFACE_IO_URING);
}

HOOK(uring_cmd)
int BPF_PROG(kernel_ring_command)
{
	return judge_surface(STOCKADE_SURFACE_IO_URING);
}

/* ---- packetSockets, and the families of `kernel.sockets` ---- */

HOOK(socket_create)
int BPF_PROG(kernel_socket, int family, int type, int protocol, int of_kernel)
{
	int refused = judge_surface(surface_of_socket(family, type, of_kernel));

	return refused ? -EPERM : judge_family(family_of_socket(family, protocol, of_kernel));
}

/* ---- moduleLoad ---- */

/* finit_module(2), kexec_file_load(2). */
HOOK(kernel_read_file)
int BPF_PROG(kernel_read, struct file *file, int id)
{
	return judge_surface(surface_of_read(id));
}

/* init_module(2), kexec_load(2). */
HOOK(kernel_load_data)
int BPF_PROG(kernel_load, int id)
{
	return judge_surface(surface_of_load(id));
}

/* A module that the kernel would load for the task: a file system, a protocol, a cipher. */
HOOK(kernel_module_request)
int BPF_PROG(kernel_request, char *name)
{
	return judge_surface(STOCKADE_SURFACE_MODULE_LOAD);
}

/* delete_module(2). The kernel asks for capabilities all the time, so every other one leaves at once. */
HOOK(capable)
int BPF_PROG(kernel_capability, const struct cred *cred, const void *owner, int capability)
{
	return judge_surface(surface_of_capability(capability));
}

/* ---- keyrings ---- */

HOOK(key_alloc)
int BPF_PROG(kernel_key_alloc)
{
	return judge_surface(STOCKADE_SURFACE_KEYRINGS);
}

HOOK(key_permission)
int BPF_PROG(kernel_key)
{
	return judge_surface(STOCKADE_SURFACE_KEYRINGS);
}

/* ---- perfEvents ---- */

HOOK(perf_event_open)
int BPF_PROG(kernel_perf)
{
	return judge_surface(STOCKADE_SURFACE_PERF_EVENTS);
}

#endif
