// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads a container's entry and its policy as every program does, under BPF_PROG_TEST_RUN. */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "stockade.h"
#include "lib/maps.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define HAS_ENTRY  0x100
#define HAS_POLICY 0x200
#define HAS_AUDIT  0x400

/* Cgroup id. Returns enum stockade_container_state and the flags above. */
SEC("raw_tp")
int container_entry(__u64 *context)
{
	struct stockade_container container = {};
	struct policy_summary policy;

	if (!container_get(context[0], &container))
		return 0;
	return HAS_ENTRY | container.state | (policy_summary_get(&container, &policy) ? HAS_POLICY : 0) |
	       (stockade_audit_until(&container) ? HAS_AUDIT : 0);
}
