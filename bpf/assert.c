/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The layout that kernel and daemon share, as the host's compiler sees it. */
#include "stockade.h"

#define SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type " has holes")

SIZE(stockade_container, 32);
SIZE(stockade_volume, 16);
SIZE(stockade_volumes, 32 + 8 + 64 * 16 + 2944);
SIZE(stockade_gate, 16);
SIZE(stockade_sandbox, 32);
SIZE(stockade_gate_record, 24 + 2 * 256);
SIZE(stockade_process, 16);
SIZE(stockade_mark, 32);
SIZE(stockade_stray, 16);
SIZE(stockade_hook, 16 + 256);
SIZE(stockade_verdict, 12);
SIZE(stockade_port_range, 12);
SIZE(stockade_policy, 32 + 2 * 72 + 32 * 12);
SIZE(stockade_path_key, 16);
SIZE(stockade_path_rule, 48);
SIZE(stockade_argument_key, 16);
SIZE(stockade_argument, 136);
SIZE(stockade_net_key4, 16);
SIZE(stockade_net_key6, 28);
SIZE(stockade_net_node, 4 + 64 * 12);
SIZE(stockade_event, 128);
SIZE(stockade_syscall, 72);
SIZE(stockade_object, 8);
SIZE(stockade_inode, 16);
SIZE(stockade_rate, 16);
