/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads members of the kernel's structures by an instruction each, where the kernel has the means (Linux 6.2). */
#ifndef STOCKADE_KERNEL_READ_H
#define STOCKADE_KERNEL_READ_H

#include "lib/vmlinux.h"
#include <bpf/bpf_core_read.h>

/*
 * Makes an untrusted pointer of any other. The verifier looks up each access through a trusted pointer in all types of
 * the kernel, which takes its time at the load. Of a pointer that leads nowhere 0 is read.
 */
extern void *bpf_rdonly_cast(const void *pointer, __u32 type) __weak __ksym;

#define UNTRUSTED(pointer) ((typeof(pointer))bpf_rdonly_cast((pointer), bpf_core_type_id_kernel(typeof(*(pointer)))))

/*
 * For an argument of a hook that may be NULL. The verifier of some kernels trusts that no argument is NULL: it removes
 * a check for NULL, and lets a read fault in the kernel. It keeps both safe for the pointer that this gives.
 */
#define MAYBE_NULL(pointer) (bpf_rdonly_cast ? UNTRUSTED(pointer) : (pointer))

/* As BPF_CORE_READ(). */
#define KERNEL_READ(pointer, member, ...)                                                                              \
	({                                                                                                             \
		typeof(pointer) read_pointer = (pointer);                                                              \
		typeof(___arrow((pointer), member, ##__VA_ARGS__)) read_value;                                         \
		if (bpf_rdonly_cast)                                                                                   \
			read_value = ___arrow(UNTRUSTED(read_pointer), member, ##__VA_ARGS__);                         \
		else                                                                                                   \
			read_value = BPF_CORE_READ(read_pointer, member, ##__VA_ARGS__);                               \
		read_value;                                                                                            \
	})

#endif
