/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A temporary audit of a container: until its deadline, what the container's policy blocks is audited. The deadline is
 * in the container's entry. container_get() compares it with the clock, so the audit ends without the daemon.
 */
#ifndef STOCKADE_AUDIT_H
#define STOCKADE_AUDIT_H

#include "lib/maps.bpf.h"

/*
 * Whether a temporary audit makes Audit of this judgement. `mode: Audit` does the same when the policy is written. Both
 * leave what no policy says: without memory, or without a policy that stands, nothing passes.
 */
static __always_inline __u32 is_softened(const struct stockade_container *container, __u32 action, __u32 reason)
{
	__u64 is_hard = is_zero(stockade_audit_until(container)) | is_zero(reason ^ STOCKADE_INTERNAL) |
			is_zero(reason ^ STOCKADE_POLICY_GONE);

	return is_zero(action ^ STOCKADE_BLOCK) & ~is_hard;
}

#endif
