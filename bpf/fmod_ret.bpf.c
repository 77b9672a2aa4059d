// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tier `fmod_ret`: the same hooks, as programs that replace the results of the functions which call them. */
#define STOCKADE_TIER_FMOD_RET
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "hooks/exec_hooks.bpf.h"
#include "hooks/file_hooks.bpf.h"
#include "hooks/folder_hooks.bpf.h"
#include "hooks/kernel_hooks.bpf.h"
#include "hooks/mark_hooks.bpf.h"
#include "hooks/memory_hooks.bpf.h"
#include "hooks/open_hooks.bpf.h"
#include "hooks/protect_hooks.bpf.h"
#include "hooks/trace_hooks.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
