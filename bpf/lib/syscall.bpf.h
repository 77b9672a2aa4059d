/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which system call a task makes, and of which ABI. */
#ifndef STOCKADE_SYSCALL_H
#define STOCKADE_SYSCALL_H

#include <bpf/bpf_core_read.h>

/* include/uapi/linux/audit.h */
#define AUDIT_ARCH_I386	   0x40000003u
#define AUDIT_ARCH_X86_64  0xc000003eu
#define AUDIT_ARCH_ARM	   0x40000028u
#define AUDIT_ARCH_AARCH64 0xc00000b7u

#define TS_COMPAT 2	    /* arch/x86/include/asm/thread_info.h: a 32-bit call is being made */
#define TIF_32BIT (1 << 22) /* arch/arm64/include/asm/thread_info.h: a 32-bit process */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct thread_info {
	unsigned long flags;
};

struct thread_info___x86 {
	__u32 status;
};

struct task_struct___calls {
	struct thread_info thread_info;
};

struct task_struct___x86 {
	struct thread_info___x86 thread_info;
};

struct pt_regs___x86 {
	unsigned long bp, bx, r8, r9, r10, ax, cx, dx, si, di, orig_ax;
};

struct pt_regs___arm64 {
	__u64 regs[31];
	__u64 orig_x0;
	int syscallno;
};

#pragma clang attribute pop

struct pt_regs;

static inline bool is_x86(void)
{
	return bpf_core_field_exists(struct pt_regs___x86, orig_ax);
}

/* Whether the call is one of the architecture's 32-bit ABI. x32 is not: it marks the number. */
static inline bool is_compat(struct task_struct *task)
{
	if (is_x86())
		return ((struct task_struct___x86 *)task)->thread_info.status & TS_COMPAT;
	return ((struct task_struct___calls *)task)->thread_info.flags & TIF_32BIT;
}

/* The call's number; negative: there is no call. */
static inline int syscall_number(struct pt_regs *regs)
{
	if (is_x86())
		return (int)((struct pt_regs___x86 *)regs)->orig_ax;
	return ((struct pt_regs___arm64 *)regs)->syscallno;
}

/* AUDIT_ARCH_* of the call that the task makes. */
static inline __u32 syscall_architecture(struct task_struct *task)
{
	bool compat = is_compat(task);

	if (is_x86())
		return compat ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
	return compat ? AUDIT_ARCH_ARM : AUDIT_ARCH_AARCH64;
}

#endif
