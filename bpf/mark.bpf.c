// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "stockade.h"
char LICENSE[] SEC("license") = "Dual BSD/GPL";
SEC("raw_tracepoint/sched_process_fork")
int mark_fork(void *ctx) { return 0; }
