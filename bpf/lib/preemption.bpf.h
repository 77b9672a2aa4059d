/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether the kernel interrupts programs at tracepoints: one takes its time, and the daemon looks whether a task with
 * more right to the CPU has to wait for its end. Nothing but the tracepoint keeps preemption off where this one lies.
 */
#ifndef STOCKADE_PREEMPTION_H
#define STOCKADE_PREEMPTION_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* 0 -> whose fork takes long, and when that was. Writers: the daemon, then the program. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stockade_preemption_trial);
} preemption_trial SEC(".maps");

#define TRIAL_STEPS_MAX	 (1 << 23) /* the most that bpf_loop takes */
#define TRIAL_STEPS_LAST 1000	   /* on a machine that stood still: time for the interrupt that ends the wait */

static long wait_step(__u32 step, void *context)
{
	return bpf_ktime_get_ns() >= *(const __u64 *)context;
}

static long idle_step(__u32 step, void *context)
{
	bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(try_preemption, struct task_struct *parent, struct task_struct *child)
{
	__u32 zero = 0;
	struct stockade_preemption_trial *trial = bpf_map_lookup_elem(&preemption_trial, &zero);
	__u64 end;

	if (!trial || trial->start_ns || trial->tid != (__u32)bpf_get_current_pid_tgid())
		return 0;
	if (trial->forks_before) {
		trial->forks_before -= 1;
		return 0;
	}
	trial->start_ns = bpf_ktime_get_ns();
	end = trial->start_ns + STOCKADE_PREEMPTION_TRIAL_NS;
	bpf_loop(TRIAL_STEPS_MAX, wait_step, &end, 0);
	bpf_loop(TRIAL_STEPS_LAST, idle_step, NULL, 0);
	trial->end_ns = bpf_ktime_get_ns();
	return 0;
}

#endif
