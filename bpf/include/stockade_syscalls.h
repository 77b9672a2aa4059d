/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls that a seccomp filter does not let pass: what the daemon asks for, and what the programs tell. */
#ifndef STOCKADE_SYSCALLS_H
#define STOCKADE_SYSCALLS_H

#include "stockade_base.h"

/* Map `syscall_filters`, key: cgroup id (u64) of a container with a filter; the value, u32: these flags. */
enum stockade_syscall_flags {
	/* The filter also answers in a way that does not look like an error: it only logs, or its errno is 0. */
	STOCKADE_SYSCALL_ANY_RESULT = 1,
	/* The daemon does not have the filter, so only what the kernel itself calls a denial is told. */
	STOCKADE_SYSCALL_CERTAIN = 2,
};

/* Follows the event of STOCKADE_EVENT_SYSCALL. The daemon asks the filter whether it was a denial. */
struct stockade_syscall {
	stockade_s64 result; /* what the call returned: -errno; the call's own number with SECCOMP_RET_TRAP */
	stockade_u64 arguments[6];
	stockade_u32 number;	   /* with bit 30 for x32, as the filter sees it */
	stockade_u32 architecture; /* AUDIT_ARCH_* */
	stockade_u32 is_certain;   /* the kernel says that some filter, or a tracer, stopped the call */
	stockade_u32 pad;
};

#endif
