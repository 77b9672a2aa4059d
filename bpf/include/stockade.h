/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that the BPF programs and the daemon share: map keys and values, events, limits. Each part is a file of
 * its own. Fields have a fixed width, padding is written out, and assert.c asserts the sizes. A field in network order
 * says so; every other field is in host order.
 */
#ifndef STOCKADE_H
#define STOCKADE_H

#include "stockade_base.h"
#include "stockade_containers.h"
#include "stockade_events.h"
#include "stockade_node_gate.h"
#include "stockade_policies.h"
#include "stockade_syscalls.h"

#endif
