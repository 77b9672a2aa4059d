// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Keeps the mark with the task. Hooks: sched_process_fork or sched_wakeup_new (a child inherits the mark),
 * cgroup_attach_task (a marked task that leaves its container's cgroup is a stray), sched_process_exit (a stray is
 * forgotten), and iterators that mark what already runs. A child that cannot be marked for want of memory is remembered
 * as a stray. The exec programs set the first mark of a task. At the better tiers mark_hooks.bpf.h has marked the child
 * already, and this file only follows where the child is.
 */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "lib/cgroup.bpf.h"
#include "lib/descriptor.bpf.h"
#include "lib/image.bpf.h"
#include "report/events.bpf.h"
#include "lib/mark.bpf.h"
#include "lib/preemption.bpf.h"
#include "lib/strays.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SIGKILL 9

/* The inode number of the runtime's mount namespace. A task in it is the runtime's or the host's. */
const volatile __u32 runtime_mount_namespace;

static void report_left(struct task_struct *task, const struct stockade_container *container)
{
	struct stockade_event *event = event_reserve(container, STOCKADE_EVENT_LEFT, STOCKADE_STRAY, STOCKADE_AUDITED);

	if (!event)
		return;
	event->pid = BPF_CORE_READ(task, tgid);
	event->tid = BPF_CORE_READ(task, pid);
	event->parent_pid = BPF_CORE_READ(task, real_parent, tgid);
	/* The current task is the one that moved it, so comm and uid are not the task's. */
	BPF_CORE_READ_INTO(&event->comm, task, comm);
	BPF_CORE_READ_INTO(&event->uid, task, cred, uid.val);
	bpf_ringbuf_submit(event, 0);
}

enum pid_type { PIDTYPE_PID, PIDTYPE_TGID };

/* From Linux 6.13 on. */
extern int bpf_send_signal_task(struct task_struct *task, int signal, enum pid_type type, __u64 value) __ksym __weak;

/*
 * Remembers a process as a stray. If there is no room, the process is killed, because nothing would bind it. Before
 * Linux 6.13 a program can kill only the current task. Then the maker is killed: the process itself, its parent, or the
 * task that moved it. The maker's place in the table goes to the stray. Nobody is killed if the maker is the host's. At
 * most one signal is sent, because with interrupts off the kernel has no room for a second one.
 */
static void remember_stray(struct task_struct *task, __u64 cgroup_id)
{
	struct task_struct *maker = bpf_get_current_task_btf();

	if (stray_add(task, cgroup_id))
		return;
	count(STOCKADE_STRAYS_FULL);
	if (!mark_of(maker) && !stray_of(maker))
		return;
	if (bpf_send_signal_task && !bpf_send_signal_task(task, SIGKILL, PIDTYPE_TGID, 0))
		return;
	/* The signal could not be sent: the maker lives on, and keeps its place. */
	if (bpf_send_signal(SIGKILL))
		return;
	stray_forget(BPF_CORE_READ(maker, tgid));
	stray_add(task, cgroup_id);
}

/* Compares where the task is with where its mark says that it belongs. */
static void mark_update_stray(struct task_struct *task, struct stockade_mark *mark)
{
	struct stockade_container container = {};
	bool left;

	/* Where nearly every task is. */
	if (!mark->stray && task_is_in(task, mark->cgroup_id))
		return;
	/* The container is gone: nothing to be inside of. The mark stays, and forbids every exec. */
	if (!container_get(mark->cgroup_id, &container))
		return;
	left = !task_is_below(task, mark->cgroup_id);
	if (left && !mark->stray)
		report_left(task, &container);
	if (left)
		remember_stray(task, mark->cgroup_id);
	else if (mark->stray)
		stray_forget(BPF_CORE_READ(task, tgid));
	mark->stray = left;
}

/*
 * Tries again to mark a task that only `strays` knows, since there was no memory for a mark. The entry in `strays`
 * stays, because other threads of the process may have no mark yet.
 */
static struct stockade_mark *mark_late(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_mark *mark = mark_task(task, cgroup_id);

	if (mark)
		mark->judged_exec = exec_of(task);
	return mark;
}

/* Before the child runs. */
static int mark_child(struct task_struct *parent, struct task_struct *child)
{
	struct stockade_mark *mark = mark_of(parent), *copy;
	__u64 cgroup_id = mark ? mark->cgroup_id : stray_of(parent);

	if (!cgroup_id)
		return 0;
	if (!mark)
		mark = mark_late(parent, cgroup_id);
	/* Only a process's leader was followed when the process moved, so its other threads are followed here. */
	if (mark)
		mark_update_stray(parent, mark);
	copy = mark_task(child, cgroup_id);
	if (copy) {
		copy->judged_exec = mark ? mark->judged_exec : exec_of(child);
		copy->stray = mark && mark->stray;
	}
	/* Only `strays` knows a child without a mark. A task of a process that is there already adds nothing. */
	if (!copy || copy->stray)
		remember_stray(child, cgroup_id);
	/* clone3 can start the child in another cgroup than its parent's. */
	if (copy)
		mark_update_stray(child, copy);
	return 0;
}

/* Where the kernel runs tracepoints' programs with preemption off. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(mark_fork, struct task_struct *parent, struct task_struct *child)
{
	return mark_child(parent, child);
}

/* On other kernels. The kernel holds a run queue's lock here, and calls this on the parent's CPU for each new task. */
SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(mark_wakeup, struct task_struct *child)
{
	return mark_child(bpf_get_current_task_btf(), child);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(mark_move, struct cgroup *destination, const char *path, struct task_struct *task, bool thread_group)
{
	struct stockade_mark *mark = mark_of(task);

	/* Moves in other hierarchies come here too; they change nothing in the default one. */
	if (mark)
		mark_update_stray(task, mark);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(mark_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;

	/* First whether there is anything to forget: this runs for every task of the node. */
	if (bpf_map_lookup_elem(&strays, &tgid) && BPF_CORE_READ(task, signal, live.counter) == 0)
		stray_forget(tgid);
	return 0;
}

/* The container that a task without a mark belongs to; 0: none. */
static __u64 container_of_unmarked(struct task_struct *task)
{
	__u32 namespace = task_mount_namespace(task);
	struct stockade_container container = {};
	__u64 cgroup_id = stray_of(task);

	if (cgroup_id)
		return cgroup_id;
	if (!namespace || namespace == runtime_mount_namespace)
		return 0;
	if (!task_container(task, &container) || container.state != STOCKADE_OPEN || !container.revision)
		return 0;
	return container.cgroup_id;
}

/*
 * Marks the tasks that have no mark. It writes a number for each of them: 0, or the container's id if there was no
 * memory for the mark. The daemon runs it again until it writes nothing.
 */
SEC("iter/task")
int mark_running(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct seq_file *output = context->meta->seq;
	struct stockade_mark *mark;
	__u64 cgroup_id;

	if (!task || mark_of(task))
		return 0;
	cgroup_id = container_of_unmarked(task);
	if (!cgroup_id)
		return 0;
	mark = mark_task(task, cgroup_id);
	if (mark) {
		/* What it executes now was not judged, and stays. */
		mark->judged_exec = exec_of(task);
		cgroup_id = 0;
	}
	bpf_seq_write(output, &cgroup_id, sizeof(cgroup_id));
	return 0;
}

/*
 * For marks that an earlier Stockade made. A task that has left its container is remembered as a stray. The program
 * that a task executes now counts as judged: the earlier Stockade judged it, or it ran before. A number is written for
 * each task that needed one of the two.
 */
SEC("iter/task")
int mark_taken_over(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct seq_file *output = context->meta->seq;
	struct stockade_mark *mark = task ? mark_of(task) : NULL;
	__u64 found = 0;

	if (!mark)
		return 0;
	if (!mark->judged_exec) {
		mark->judged_exec = exec_of(task);
		found = mark->judged_exec;
	}
	if (mark->stray && !stray_of(task)) {
		stray_take_over(task, mark->cgroup_id);
		found = stray_of(task);
		/* It may have come back meanwhile. */
		if (!*(volatile __u32 *)&mark->stray)
			stray_forget(BPF_CORE_READ(task, tgid));
	}
	if (found)
		bpf_seq_write(output, &found, sizeof(found));
	return 0;
}

/*
 * The mounts of a container, in a value for map `volumes` that has a descriptor where the inode of the mount's root is
 * to be. Writer: the daemon. Reader: note_volumes.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stockade_volumes);
} volumes_staged SEC(".maps");

/*
 * Writes the staged volumes for a container, whose cgroup id is the context. Not attached: the daemon runs it by
 * BPF_PROG_TEST_RUN, so the current task is the daemon's. Only the kernel knows the address of an inode.
 */
SEC("raw_tp")
int note_volumes(__u64 *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 cgroup_id = context[0];
	__u32 zero = 0;
	struct stockade_volumes *staged = bpf_map_lookup_elem(&volumes_staged, &zero);

	if (!staged)
		return 1;
	__builtin_memset(staged->filter, 0, sizeof(staged->filter));
	for (__u32 index = 0; index < STOCKADE_VOLUMES_MAX; index++) {
		struct stockade_volume *volume = &staged->volume[index];
		struct file *file;
		__u32 bit;

		if (index >= staged->count) {
			volume->root = 0;
			continue;
		}
		file = opened_file(task, volume->root);
		volume->root = (__u64)BPF_CORE_READ(file, f_path.dentry, d_inode);
		if (!volume->root)
			return 1;
		bit = stockade_volume_bit(volume->root);
		staged->filter[bit / 64 % (STOCKADE_VOLUME_FILTER_BITS / 64)] |= 1ull << (bit % 64);
	}
	return bpf_map_update_elem(&volumes, &cgroup_id, staged, BPF_ANY) ? 1 : 0;
}

/*
 * Says what a descriptor's file is to a container: enum stockade_file_look. The context is the descriptor and the
 * device of the container's root. Not attached: the daemon runs it, as it runs note_volumes.
 */
SEC("raw_tp")
int look_at_file(__u64 *context)
{
	struct file *file = opened_file(bpf_get_current_task_btf(), context[0]);
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	struct super_block *super_block = BPF_CORE_READ(inode, i_sb);
	int look = 0;

	if (!is_on_root(super_block, (__u32)context[1]))
		return 0;
	/* A folder has an upper dentry as soon as anything below it was written. */
	if (!is_changed(inode) || (is_folder(dentry) && is_folder_of_image(inode)))
		look |= STOCKADE_FILE_IS_OF_IMAGE;
	if (BPF_CORE_READ(super_block, s_root) == dentry)
		look |= STOCKADE_FILE_IS_ROOT;
	return look;
}
