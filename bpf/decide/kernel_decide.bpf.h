/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which part of the kernel a call reaches for, and what a policy says of that part. The functions take plain numbers,
 * so tests run them without the kernel's objects. 0 as a surface: the call reaches for no part that a profile can
 * block.
 */
#ifndef STOCKADE_KERNEL_DECIDE_H
#define STOCKADE_KERNEL_DECIDE_H

#include <bpf/bpf_core_read.h>
#include "lib/audit.bpf.h"
#include "lib/maps.bpf.h"

/* Of include/linux/fs.h: the kernel mounts for itself, for an automount or to have a file system of its own. */
#define SB_KERNMOUNT (1ul << 22)
#define SB_SUBMOUNT  (1ul << 26)

/* Of the user interface, the same on x86-64 and arm64. */
#define AF_INET	       2
#define AF_INET6       10
#define AF_PACKET      17
#define AF_SMC	       43
#define AF_XDP	       44
#define SOCK_RAW       3
#define IPPROTO_SMC    256
#define PROT_READ      1
#define PROT_WRITE     2
#define PROT_EXEC      4
#define VM_EXEC	       4
#define CAP_SYS_MODULE 16

/* Of include/linux/ptrace.h. */
#define PTRACE_MODE_ATTACH  2
#define PTRACE_MODE_NOAUDIT 4 /* nobody asked: a field of /proc is left empty where it is not allowed */

/* ---- what a call reaches for ---- */

/* `flags`: those of the super block that is mounted. */
static inline __u32 surface_of_mount(unsigned long flags)
{
	return flags & (SB_KERNMOUNT | SB_SUBMOUNT) ? 0 : STOCKADE_SURFACE_MOUNT;
}

#define RING_NAME     "[io_uring]"
#define FAULTS_NAME   "[userfaultfd]"
#define ANONYMOUS_MAX sizeof(FAULTS_NAME)

static inline bool is_anonymous(const char name[ANONYMOUS_MAX], __u32 length, const char *text, __u32 text_length)
{
	if (length != text_length)
		return false;
	for (__u32 index = 0; index < text_length; index++)
		if (name[index] != text[index])
			return false;
	return true;
}

/*
 * `name`: of an anonymous inode, with room for the longest name and its NUL. By userfaultfd(2) a process fills pages
 * that it may not write, of code too.
 */
static inline __u32 surface_of_anonymous(const char name[ANONYMOUS_MAX], __u32 length)
{
	if (is_anonymous(name, length, RING_NAME, sizeof(RING_NAME) - 1))
		return STOCKADE_SURFACE_IO_URING;
	if (is_anonymous(name, length, FAULTS_NAME, sizeof(FAULTS_NAME) - 1))
		return STOCKADE_SURFACE_EXECUTABLE_MEMORY;
	return 0;
}

/* The kernel has made AF_PACKET of SOCK_PACKET with AF_INET before it asks. */
static inline __u32 surface_of_socket(int family, int type, int of_kernel)
{
	bool is_raw = (family == AF_INET || family == AF_INET6) && type == SOCK_RAW;

	if (of_kernel || !(is_raw || family == AF_PACKET || family == AF_XDP))
		return 0;
	return STOCKADE_SURFACE_PACKET_SOCKETS;
}

/* The family that a socket counts as; 0: nobody asks about it. SMC is also a protocol of the internet's families. */
static inline __u32 family_of_socket(int family, int protocol, int of_kernel)
{
	if (of_kernel)
		return 0;
	if (protocol == IPPROTO_SMC && (family == AF_INET || family == AF_INET6))
		return AF_SMC;
	return family;
}

/* Whether a number means a value by the running kernel's numbering. A value that this kernel lacks is never meant. */
#define IS_VALUE(number, type, value)                                                                                  \
	(bpf_core_enum_value_exists(type, value) && (number) == (int)bpf_core_enum_value(type, value))

/* `id`: what the kernel reads a file for, enum kernel_read_file_id. */
static inline __u32 surface_of_read(int id)
{
	if (IS_VALUE(id, enum kernel_read_file_id, READING_MODULE) ||
	    IS_VALUE(id, enum kernel_read_file_id, READING_MODULE_COMPRESSED) ||
	    IS_VALUE(id, enum kernel_read_file_id, READING_KEXEC_IMAGE) ||
	    IS_VALUE(id, enum kernel_read_file_id, READING_KEXEC_INITRAMFS))
		return STOCKADE_SURFACE_MODULE_LOAD;
	return 0;
}

/* `id`: what the kernel loads data for, enum kernel_load_data_id. */
static inline __u32 surface_of_load(int id)
{
	if (IS_VALUE(id, enum kernel_load_data_id, LOADING_MODULE) ||
	    IS_VALUE(id, enum kernel_load_data_id, LOADING_MODULE_COMPRESSED) ||
	    IS_VALUE(id, enum kernel_load_data_id, LOADING_KEXEC_IMAGE) ||
	    IS_VALUE(id, enum kernel_load_data_id, LOADING_KEXEC_INITRAMFS))
		return STOCKADE_SURFACE_MODULE_LOAD;
	return 0;
}

/* Who traces a process can also write its code. */
#define SURFACES_OF_TRACE (STOCKADE_SURFACE_PTRACE | STOCKADE_SURFACE_EXECUTABLE_MEMORY)

/* `mode`: of ptrace_access_check. Without ATTACH the caller only reads. Returns all surfaces that it reaches for. */
static inline __u32 surface_of_trace(__u32 mode)
{
	return mode & PTRACE_MODE_ATTACH ? SURFACES_OF_TRACE : 0;
}

/* delete_module(2) has no hook of its own. The kernel asks for this capability for it, and whenever modules load. */
static inline __u32 surface_of_capability(int capability)
{
	return capability == CAP_SYS_MODULE ? STOCKADE_SURFACE_MODULE_LOAD : 0;
}

/* `is_of_file`: the memory has the bytes of a named file. */
static inline __u32 surface_of_code(unsigned long protection, bool is_of_file)
{
	return is_of_file && !(protection & PROT_WRITE) ? 0 : STOCKADE_SURFACE_EXECUTABLE_MEMORY;
}

/* Whether mprotect(2) makes code of memory, or makes code writable. Nothing is gained by what is so already. */
static inline bool changes_to_code(unsigned long flags, unsigned long protection)
{
	return protection & PROT_EXEC && (!(flags & VM_EXEC) || protection & PROT_WRITE);
}

/* ---- what a policy says of it ---- */

/* The first of several surfaces, for events. */
static inline __u32 first_surface(__u32 surfaces)
{
	return surfaces & -surfaces;
}

/*
 * `surfaces`: all that the call reaches for. `deciding`: the one that decides. Returns enum stockade_effect; 0: nothing
 * is done and nothing is told.
 */
static inline __u32 effect_of_surface(const struct policy_summary *policy, __u32 surfaces, __u32 *deciding)
{
	__u32 blocked = policy->kernel_blocked & surfaces, audited = policy->kernel_audited & surfaces;

	*deciding = first_surface(blocked ? blocked : audited);
	if (blocked)
		return STOCKADE_REFUSED;
	return audited ? STOCKADE_AUDITED : 0;
}

/*
 * The effect for a socket of a family that the policy lists. A policy that both blocks and audits families blocks those
 * that it does not list, and audits those that it lists.
 */
static inline __u32 effect_of_listed(const struct policy_summary *policy)
{
	return policy->kernel_blocked & policy->kernel_audited & STOCKADE_SURFACE_SOCKETS ? STOCKADE_AUDITED : 0;
}

/* Whether a temporary audit lets what the policy refuses go on. */
static inline bool softens_effect(const struct stockade_container *container, __u32 effect)
{
	return effect == STOCKADE_REFUSED && is_softened(container, STOCKADE_BLOCK, STOCKADE_BY_RULE);
}

/* A family beyond the kernel's own is on no list. */
static inline bool lists_family(const struct policy_summary *policy, __u32 family)
{
	return family <= STOCKADE_FAMILIES_MAX && policy->families >> family & 1;
}

/*
 * The effect for a task of another container that traces a process of the policy's container. No temporary audit
 * softens it: the audit is for what the container itself does.
 */
static inline __u32 effect_on_others(const struct policy_summary *policy)
{
	if (policy->flags & STOCKADE_OTHER_CONTAINERS)
		return 0;
	return policy->flags & STOCKADE_AUDIT_OTHER_CONTAINERS ? STOCKADE_AUDITED : STOCKADE_REFUSED;
}

#endif
