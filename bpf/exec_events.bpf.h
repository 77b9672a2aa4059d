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

static inline void set_event_parent(struct stockade_event *event)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	event->parent_pid = BPF_CORE_READ(task, real_parent, tgid);
}

/* What no policy decides, so no file was looked at. */
static inline void report_unjudged(enum stockade_event_kind kind, const struct stockade_container *container,
				   enum stockade_reason reason, enum stockade_effect effect)
{
	struct stockade_event *event = reserve_event(container->cgroup_id);

	if (!event)
		return;
	event->revision = container->revision;
	event->kind = kind;
	event->reason = reason;
	event->effect = effect;
	set_event_task(event);
	set_event_parent(event);
	bpf_ringbuf_submit(event, 0);
}

/* `arguments` may be NULL: a tier that judges before the load does not have them. */
static __always_inline void report_image(enum stockade_event_kind kind, const struct stockade_container *container,
					 enum stockade_effect effect, struct scratch *scratch,
					 const struct exec_arguments *arguments)
{
	const struct judgement *judgement = &scratch->judgement;
	const struct file_identity *image = &scratch->image;
	struct stockade_event *event = &scratch->event;
	__u32 path, words = 0;

	if (!event_allowed(container->cgroup_id))
		return;
	begin_event(event, container->cgroup_id);
	event->revision = container->revision;
	event->kind = kind;
	event->reason = judgement->reason;
	event->effect = effect;
	event->rule = judgement->rule;
	event->argument = judgement->argument;
	event->access = judgement->access;
	set_event_task(event);
	set_event_parent(event);
	event->path_truncated = image->end != WALK_WHOLE;
	path = part_length(STOCKADE_PATH_MAX_BYTES - image->start, &event->path_truncated);
	if (bpf_probe_read_kernel(scratch->data, path, (const char *)scratch->path + image->start))
		path = 0;
	if (arguments) {
		event->arguments_truncated = arguments->over_long;
		words = part_length(arguments->length, &event->arguments_truncated);
		if (bpf_probe_read_kernel(scratch->data + path, words, scratch->arguments))
			words = 0;
	}
	event->path_length = path;
	event->arguments_length = words;
	if (bpf_ringbuf_output(&events, event, sizeof(*event) + path + words, 0))
		count(STOCKADE_EVENTS_DROPPED_FULL);
}

#endif
