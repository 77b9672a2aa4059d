// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tier `fmod_ret`: the same hooks, as programs that replace the results of the functions which call them. */
#define STOCKADE_TIER_FMOD_RET
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "exec_hooks.bpf.h"
#include "file_hooks.bpf.h"
#include "kernel_hooks.bpf.h"
#include "mark_hooks.bpf.h"
#include "memory_hooks.bpf.h"
#include "protect_hooks.bpf.h"
#include "trace_hooks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
