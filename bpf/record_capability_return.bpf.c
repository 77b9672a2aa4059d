// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Does what record_capability.bpf.c does, before Linux 6.13. Hook: the end of the function that knows the answer. */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "report/use_facts.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("fexit/cap_capable")
int BPF_PROG(record_capability_end, const struct cred *cred, const void *target, int capability, unsigned int options,
	     int result)
{
	if (!result)
		note_capability(cred, capability);
	return 0;
}
