// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Keeps the mark with the task. Hooks: sched_process_fork (a child inherits it), cgroup_attach_task (a marked task that
 * leaves its container's cgroup is a stray), sched_process_exit (a stray is forgotten), and an iterator that marks what
 * already runs. The first mark of a task is set by the exec programs. At tier `lsm` mark_hooks.bpf.h has marked a child
 * before, and cannot be skipped; here it is only followed.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "cgroup.bpf.h"
#include "events.bpf.h"
#include "mark.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SIGKILL 9

/* Tasks in it are the runtime's or the host's. Of the kernel's numbering, which differs between kernels. */
const volatile __u32 runtime_mount_namespace;

static void report_left(struct task_struct *task, const struct stockade_container *container)
{
	struct stockade_event *event = reserve_event(container->cgroup_id);

	if (!event)
		return;
	event->revision = container->revision;
	event->kind = STOCKADE_EVENT_LEFT;
	event->reason = STOCKADE_STRAY;
	event->effect = STOCKADE_AUDITED;
	event->pid = BPF_CORE_READ(task, tgid);
	event->tid = BPF_CORE_READ(task, pid);
	event->parent_pid = BPF_CORE_READ(task, real_parent, tgid);
	/* The current task is the one that moved it, so comm and uid are not the task's. */
	BPF_CORE_READ_INTO(&event->comm, task, comm);
	BPF_CORE_READ_INTO(&event->uid, task, cred, uid.val);
	bpf_ringbuf_submit(event, 0);
}

/*
 * Nobody would refuse the sockets of a stray that is not remembered, so who makes it one is killed, unless that is the
 * host: the stray itself, a parent or whoever moved it. By a fork it takes the place of its killed parent.
 */
static void remember_stray(struct task_struct *task, __u64 cgroup_id)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);
	__u32 maker = bpf_get_current_pid_tgid() >> 32;

	if (!bpf_map_update_elem(&strays, &tgid, &cgroup_id, BPF_ANY))
		return;
	count(STOCKADE_STRAYS_FULL);
	if (!mark_of(bpf_get_current_task_btf()))
		return;
	bpf_send_signal(SIGKILL);
	bpf_map_delete_elem(&strays, &maker);
	bpf_map_update_elem(&strays, &tgid, &cgroup_id, BPF_ANY);
}

/* Compares where the task is with where its mark says that it belongs. */
static void follow(struct task_struct *task, struct stockade_mark *mark)
{
	struct stockade_container container;
	__u32 tgid = BPF_CORE_READ(task, tgid);
	bool left;

	/* The container is gone: nothing to be inside of. The mark stays, and forbids every exec. */
	if (!container_get(mark->cgroup_id, &container))
		return;
	left = !task_is_below(task, mark->cgroup_id);
	if (left && !mark->stray)
		report_left(task, &container);
	if (left)
		remember_stray(task, mark->cgroup_id);
	else if (mark->stray)
		bpf_map_delete_elem(&strays, &tgid);
	mark->stray = left;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(mark_fork, struct task_struct *parent, struct task_struct *child)
{
	struct stockade_mark *mark = mark_of(parent), *copy;

	if (!mark)
		return 0;
	/* Only a process's leader was followed when the process moved, so its other threads are followed here. */
	follow(parent, mark);
	copy = mark_task(child, mark->cgroup_id);
	if (!copy)
		return 0;
	copy->stray = mark->stray;
	if (copy->stray)
		remember_stray(child, copy->cgroup_id);
	/* clone3 can start the child in another cgroup than its parent's. */
	follow(child, copy);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(mark_move, struct cgroup *destination, const char *path, struct task_struct *task, bool thread_group)
{
	struct stockade_mark *mark = mark_of(task);

	/* Moves in other hierarchies come here too; they change nothing in the default one. */
	if (mark)
		follow(task, mark);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(mark_exit, struct task_struct *task)
{
	struct stockade_mark *mark = mark_of(task);
	__u32 tgid = BPF_CORE_READ(task, tgid);

	if (mark && BPF_CORE_READ(task, signal, live.counter) == 0)
		bpf_map_delete_elem(&strays, &tgid);
	return 0;
}

/* Writes one byte for each task that it marks, so that the daemon can repeat it until nothing is left to mark. */
SEC("iter/task")
int mark_running(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct seq_file *output = context->meta->seq;
	struct stockade_container container;
	__u32 namespace;
	__u8 one = 1;

	if (!task || mark_of(task))
		return 0;
	namespace = task_mount_namespace(task);
	if (!namespace || namespace == runtime_mount_namespace)
		return 0;
	if (!task_container(task, &container) || container.state != STOCKADE_OPEN || !container.revision)
		return 0;
	if (mark_task(task, container.cgroup_id))
		bpf_seq_write(output, &one, sizeof(one));
	return 0;
}
