// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Notes which capabilities a recorded container makes use of. Hook: the tracepoint that newer kernels have for that. */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "report/use_facts.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/cap_capable")
int BPF_PROG(record_capability, const struct cred *cred, const void *target, const void *holding, int capability,
	     int result)
{
	if (!result)
		note_capability(cred, capability);
	return 0;
}
