/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The node gate: every pod's gate is closed from its cgroup's first moment on. */
#ifndef STOCKADE_NODE_GATE_TABLES_H
#define STOCKADE_NODE_GATE_TABLES_H

#include "stockade_base.h"

#define STOCKADE_CGROUP_PATH_MAX_BYTES 256
#define STOCKADE_POD_UID_MAX_BYTES     64
#define STOCKADE_REASON_MAX_BYTES      256

/* Key of map `gate_parents`: the path, from the hierarchy's root, of a cgroup where pods are made; NULs follow it. */
struct stockade_cgroup_path {
	stockade_u8 text[STOCKADE_CGROUP_PATH_MAX_BYTES];
};

/*
 * Key of map `gate_exempt`: the UID as in the name of the pod's cgroup, but with dashes; NULs follow it. A static pod,
 * which a file of the node names, has a UID that the API server did not make. STOCKADE_EVERY_STATIC_POD stands for all
 * of those.
 */
struct stockade_pod_uid {
	stockade_u8 text[STOCKADE_POD_UID_MAX_BYTES];
};
#define STOCKADE_EVERY_STATIC_POD     "*"
#define STOCKADE_STATIC_POD_UID_BYTES 32 /* hexadecimal digits, and no dash */

/* Map `gate_control`: an array of u64, each with one writer. */
enum stockade_gate_control {
	STOCKADE_GATES_OPEN_UNTIL = 0,	/* CLOCK_BOOTTIME in nanoseconds; until then no gate holds anything back */
	STOCKADE_GATES_LET_THROUGH = 1, /* how many execs a gate would have held back; the programs write it */
	STOCKADE_GATES_RECORDED = 2,	/* how many records were written to `gate_records`, ever */
	STOCKADE_GATES_TOLD = 3,	/* how many of these the daemon has told */
	STOCKADE_GATES_CONTROLS = 4,
};

enum stockade_gate_act {
	STOCKADE_ACT_CLOSED = 1,
	STOCKADE_ACT_OPENED = 2, /* for good */
	STOCKADE_ACT_OPENED_FOR = 3,
	STOCKADE_ACT_FREED = 4, /* one pod */
};

/* Map `gate_records`, key: number of the record modulo STOCKADE_GATE_RECORDS. It tells what somebody did to the gate.
 */
struct stockade_gate_record {
	stockade_s64 time_ns;				 /* CLOCK_REALTIME */
	stockade_s64 until_ns;				 /* of an opening for a time */
	stockade_u32 act;				 /* enum stockade_gate_act */
	stockade_u32 user;				 /* who logged in: loginuid of audit(7); all ones: nobody */
	stockade_u8 pod[STOCKADE_CGROUP_PATH_MAX_BYTES]; /* path of the freed one; NULs behind it */
	stockade_u8 reason[STOCKADE_REASON_MAX_BYTES];
};

#endif
