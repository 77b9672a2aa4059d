/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What exec programs report: the event, then the image's path and the arguments as far as they were read. */
#ifndef STOCKADE_EXEC_EVENTS_H
#define STOCKADE_EXEC_EVENTS_H

#include "decide/exec_decide.bpf.h"
#include "report/events.bpf.h"

#define EVENT_PART_MAX_BYTES (STOCKADE_EVENT_DATA_MAX_BYTES / 2)

/* A length that the verifier, too, knows to be at most EVENT_PART_MAX_BYTES. */
static inline __u32 part_length(__u32 length, stockade_u8 *truncated)
{
	if (length <= EVENT_PART_MAX_BYTES)
		return length;
	*truncated = 1;
	return EVENT_PART_MAX_BYTES;
}

/* Adds the current task and its parent. */
static inline void event_add_process(struct stockade_event *event)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	event_add_task(event);
	event->parent_pid = BPF_CORE_READ(task, real_parent, tgid);
}

/* Reports what no policy decides, so that no file was looked at. */
static inline void report_unjudged(enum stockade_event_kind kind, const struct stockade_container *container,
				   enum stockade_reason reason, enum stockade_effect effect)
{
	struct stockade_event *event = event_reserve(container, kind, reason, effect);

	if (!event)
		return;
	event_add_process(event);
	bpf_ringbuf_submit(event, 0);
}

/* Adds the path of the file that was identified. Returns the path's length in the event's data. */
static __always_inline __u32 event_add_path(struct scratch *scratch)
{
	const struct file_identity *image = &scratch->image;
	struct stockade_event *event = &scratch->event;
	__u32 length;

	event->path_truncated = image->end != WALK_WHOLE;
	length = part_length(STOCKADE_PATH_MAX_BYTES - image->start, &event->path_truncated);
	if (bpf_probe_read_kernel(scratch->data, length, (const char *)scratch->path + image->start))
		length = 0;
	event->path_length = length;
	return length;
}

/* Sends the scratch's event and so much of the data behind it. */
static __always_inline void event_send(struct scratch *scratch, __u32 data_bytes)
{
	if (bpf_ringbuf_output(&events, &scratch->event, sizeof(scratch->event) + data_bytes, 0))
		count(STOCKADE_EVENTS_DROPPED_FULL);
}

struct fact_data {
	struct scratch *scratch;
};

/* Adds eight bytes of the event's data. */
static long fact_data_step(__u32 index, void *context)
{
	struct scratch *scratch = ((struct fact_data *)context)->scratch;
	const struct stockade_hash_keys *keys = fact_keys();
	__u32 at = (index * 8) & (STOCKADE_EVENT_DATA_MAX_BYTES - 8), left = scratch->fact_bytes - at;
	__u64 word = *(__u64 *)(scratch->data + at);

	if (!keys)
		return 1;
	if (left < 8)
		word &= (1ull << left * 8) - 1;
	fact_add(&scratch->fact, keys, word);
	return 0;
}

/*
 * Begins the fact of the scratch's event. What follows are its path and, where the recording has them, its arguments.
 * No part of event_send_once(), whose frame of the stack would be too large before Linux 6.2.
 */
static __noinline int fact_of_event(struct scratch *scratch, void *recording)
{
	const struct stockade_event *event = &scratch->event;
	const struct stockade_hash_keys *keys = fact_keys();

	scratch->fact_bytes = event->path_length;
	if (records_arguments(recording, &scratch->fact))
		scratch->fact_bytes += event->arguments_length;
	if (!keys)
		return 0;
	fact_begin(&scratch->fact, keys);
	fact_add(&scratch->fact, keys, (__u64)event->kind << 32 | event->reason);
	fact_add(&scratch->fact, keys, event->revision);
	fact_add(&scratch->fact, keys, (__u64)event->rule << 32 | event->argument);
	fact_add(&scratch->fact, keys, (__u64)event->access << 32 | event->notes);
	fact_add(&scratch->fact, keys, (__u64)event->path_length << 32 | scratch->fact_bytes);
	return 0;
}

/* Whether the event of the scratch's fact is sent. A function of its own for the same reason. */
static __noinline bool fact_is_told(struct scratch *scratch, void *recording)
{
	enum fact_news news;

	fact_end(&scratch->fact);
	news = fact_news(recording, &scratch->fact);
	return news == FACT_NEW ||
	       (news == FACT_UNKEPT && unkept_fact_allowed(recording, scratch->event.cgroup_id, &scratch->fact));
}

/*
 * As event_send(), but the same of a recorded container is sent once. The caller has set the event and its data. False:
 * the container is not recorded. No part of its callers, whose frames of the stack would be too large before Linux 6.2.
 */
static __noinline bool event_send_once(struct scratch *scratch, __u32 data_bytes)
{
	struct fact_data data = {.scratch = scratch};
	struct stockade_event *event = &scratch->event;
	void *recording = recording_of(event->cgroup_id, event->effect);

	if (!recording)
		return false;
	fact_of_event(scratch, recording);
	bpf_loop((scratch->fact_bytes + 7) / 8, fact_data_step, &data, 0);
	if (!fact_is_told(scratch, recording))
		return true;
	event->notes |= STOCKADE_RECORDED;
	event->target_id = scratch->fact.hash[0];
	if (bpf_ringbuf_output(&events, event, sizeof(*event) + data_bytes, 0))
		fact_lose(recording, &scratch->fact);
	return true;
}

static __always_inline __u16 notes_of(const struct scratch *scratch)
{
	/* Without branches, each of which the verifier would follow. */
	return scratch->judgement.softened * STOCKADE_SOFTENED + scratch->image.fresh * STOCKADE_NOT_OF_IMAGE +
	       (scratch->exception != EXCEPT_NOTHING) * STOCKADE_OF_ENTRYPOINT +
	       scratch->judgement.recorded_only * STOCKADE_RECORDED_ONLY;
}

/* `arguments` may be NULL: a tier that judges before the load does not have them. */
static __always_inline void report_image(enum stockade_event_kind kind, const struct stockade_container *container,
					 enum stockade_effect effect, struct scratch *scratch,
					 const struct exec_arguments *arguments)
{
	const struct judgement *judgement = &scratch->judgement;
	struct stockade_event *event = &scratch->event;
	__u32 path, words = 0;

	if (!event_allowed(container->cgroup_id, effect == STOCKADE_AUDITED))
		return;
	event_fill(event, container, kind, judgement->reason, effect);
	event->rule = judgement->rule;
	event->argument = judgement->argument;
	event->access = judgement->access;
	event->notes = notes_of(scratch);
	event_add_process(event);
	path = event_add_path(scratch);
	if (arguments) {
		event->arguments_truncated = arguments->over_long;
		words = part_length(arguments->length, &event->arguments_truncated);
		if (bpf_probe_read_kernel(scratch->data + path, words, scratch->arguments))
			words = 0;
	}
	event->arguments_length = words;
	if (!event_send_once(scratch, path + words))
		event_send(scratch, path + words);
}

#endif
