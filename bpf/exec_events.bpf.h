/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What exec programs report: the event, then the image's path and the arguments as far as they were read. */
#ifndef STOCKADE_EXEC_EVENTS_H
#define STOCKADE_EXEC_EVENTS_H

#include "decide.bpf.h"
#include "events.bpf.h"

#define EVENT_PART_MAX_BYTES (STOCKADE_EVENT_DATA_MAX_BYTES / 2)

/* A length that the verifier, too, knows to be at most EVENT_PART_MAX_BYTES. */
static inline __u32 part_length(__u32 length, stockade_u8 *truncated)
{
	if (length <= EVENT_PART_MAX_BYTES)
		return length;
	*truncated = 1;
	return EVENT_PART_MAX_BYTES;
}

/* `image` may be NULL: nothing was looked at. */
static __always_inline void report_exec(struct scratch *scratch, const struct stockade_container *container,
					const struct judgement *judgement, enum stockade_effect effect,
					const struct image *image, const struct exec_arguments *arguments)
{
	struct stockade_event *event = &scratch->event;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 path = 0, words = 0;

	if (!event_allowed(container->cgroup_id))
		return;
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_boot_ns();
	event->cgroup_id = container->cgroup_id;
	event->revision = container->revision;
	event->kind = STOCKADE_EVENT_EXEC;
	event->reason = judgement->reason;
	event->effect = effect;
	event->rule = judgement->rule;
	event->argument = judgement->argument;
	set_event_task(event);
	event->parent_pid = BPF_CORE_READ(task, real_parent, tgid);
	if (image) {
		event->path_truncated = image->end != WALK_WHOLE;
		event->arguments_truncated = arguments->over_long;
		path = part_length(STOCKADE_PATH_MAX_BYTES - image->start, &event->path_truncated);
		words = part_length(arguments->length, &event->arguments_truncated);
		if (bpf_probe_read_kernel(scratch->data, path, (const char *)scratch->path + image->start))
			path = 0;
		if (bpf_probe_read_kernel(scratch->data + path, words, scratch->arguments))
			words = 0;
	}
	event->path_length = path;
	event->arguments_length = words;
	if (bpf_ringbuf_output(&events, event, sizeof(*event) + path + words, 0))
		count(STOCKADE_EVENTS_DROPPED_FULL);
}

#endif
