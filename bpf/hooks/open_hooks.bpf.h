/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Judges opens, and descriptors that a task receives, for everything that has a say in them: rules about files, the
 * protection of the daemon, and who may trace whom. One program for all of them: the kernel takes as long to enter
 * and leave a program as an unmarked task needs in it. Hooks: file_open, file_receive.
 */
#ifndef STOCKADE_OPEN_HOOKS_H
#define STOCKADE_OPEN_HOOKS_H

#include "hooks/file_hooks.bpf.h"
#include "hooks/protect_hooks.bpf.h"
#include "hooks/trace_hooks.bpf.h"

HOOK(file_open)
int BPF_PROG(file_opened, struct file *file)
{
	struct stockade_mark *mark = mark_of(bpf_get_current_task_btf());
	int verdict = 0;

	if (mark) {
		verdict = judge_opened(file, mark);
		if (!verdict)
			verdict = protect_opened(file);
	}
	/* A task without a mark may be in a container. */
	return verdict ? verdict : trace_opened(file);
}

/* A descriptor that another task passes. The task that opened the file may be bound by nothing. */
HOOK(file_receive)
int BPF_PROG(file_received, struct file *file)
{
	struct stockade_mark *mark = mark_of(bpf_get_current_task_btf());
	int verdict;

	if (!mark)
		return 0;
	verdict = judge_opened(file, mark);
	return verdict ? verdict : trace_received(file);
}

#endif
