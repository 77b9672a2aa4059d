// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tier `signal`: an exec that the policy blocks is killed before the new image's first instruction. Hook:
 * sched_process_exec, where the kernel has the file that it loaded and the arguments that it copied; nothing is read
 * that another thread could still change. It sees the final image only: of a script, its interpreter.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "cgroup.bpf.h"
#include "exec_events.bpf.h"
#include "mark.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Tasks in it are the runtime's or the host's. Of the kernel's numbering, which differs between kernels. */
const volatile __u32 runtime_mount_namespace;

#define SIGKILL		     9
#define NANOSECONDS_PER_TICK (1000000000ull / 100) /* USER_HZ of /proc, the same on every architecture */

/* Kills for what no policy decides: the gate, a closed container, a policy that is gone. Never softened by a mode. */
static __noinline int kill_unjudged(const struct stockade_container *container, enum stockade_reason reason)
{
	struct judgement judgement = {.action = STOCKADE_BLOCK, .reason = reason, .rule = STOCKADE_NO_RULE};
	struct scratch *scratch = scratch_get();

	bpf_send_signal(SIGKILL);
	if (scratch)
		report_exec(scratch, container, &judgement, STOCKADE_KILLED, NULL, NULL);
	return 0;
}

/* Whether the container's first process, parked before its entrypoint, is this task or its parent. */
static bool is_pending_init(const struct stockade_entrypoint *entrypoint, struct task_struct *task)
{
	return entrypoint->tgid == (__u32)BPF_CORE_READ(task, tgid) &&
	       entrypoint->start_ticks == BPF_CORE_READ(task, group_leader, start_boottime) / NANOSECONDS_PER_TICK;
}

#define HOOK_DEPTH_MAX 8 /* a hook that is a script starts programs, which start others */

/*
 * The runtime's startContainer hooks descend from init before it execs: they are not the container's. Nothing of the
 * container runs before that, so it cannot pose as one.
 */
static bool is_runtime_hook(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_entrypoint *entrypoint = bpf_map_lookup_elem(&entrypoints, &cgroup_id);

	if (!entrypoint)
		return false;
	for (int depth = 0; depth < HOOK_DEPTH_MAX; depth++) {
		task = BPF_CORE_READ(task, real_parent);
		if (is_pending_init(entrypoint, task))
			return true;
	}
	return false;
}

/* True once for a container: the element is deleted by whoever gets the exception. */
static bool take_entrypoint(struct task_struct *task, __u64 cgroup_id)
{
	struct stockade_entrypoint *entrypoint = bpf_map_lookup_elem(&entrypoints, &cgroup_id);

	return entrypoint && is_pending_init(entrypoint, task) && !bpf_map_delete_elem(&entrypoints, &cgroup_id);
}

static int judge_task(struct task_struct *task, struct file *file, const struct stockade_container *container)
{
	const struct stockade_policy *policy = bpf_map_lookup_elem(&policies, &container->revision);
	struct scratch *scratch = scratch_get();
	struct image image = {};
	struct exec_arguments arguments = {};
	struct judgement judgement = {};
	bool is_entrypoint = take_entrypoint(task, container->cgroup_id);

	if (!policy || !scratch)
		return kill_unjudged(container, STOCKADE_INTERNAL);
	if (!(policy->flags & STOCKADE_HAS_PROCESS))
		return 0;
	image_identify(&image, file, container->root_device);
	if (arguments_read(&arguments))
		return kill_unjudged(container, STOCKADE_INTERNAL);
	judge_exec(&judgement, &image, policy, &arguments, is_entrypoint);
	if (judgement.action == STOCKADE_BLOCK)
		bpf_send_signal(SIGKILL);
	if (judgement.action != STOCKADE_ALLOW)
		report_exec(scratch, container, &judgement,
			    judgement.action == STOCKADE_BLOCK ? STOCKADE_KILLED : STOCKADE_AUDITED, &image,
			    &arguments);
	return 0;
}

/* A task without a mark: the runtime's, the host's, or one that becomes a container's by this exec. */
static int judge_unmarked(struct task_struct *task, struct file *file)
{
	struct stockade_container container;

	if (task_mount_namespace(task) == runtime_mount_namespace)
		return 0;
	if (!task_container(task, &container))
		return 0;
	if (container.state != STOCKADE_OPEN)
		return kill_unjudged(&container, STOCKADE_NOT_OPEN);
	if (!container.revision || is_runtime_hook(task, container.cgroup_id))
		return 0;
	if (!mark_task(task, container.cgroup_id))
		return kill_unjudged(&container, STOCKADE_INTERNAL);
	return judge_task(task, file, &container);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_signal, struct task_struct *task, int old_pid, struct linux_binprm *binary)
{
	struct stockade_mark *mark = mark_of(task);
	struct stockade_container container = {};
	struct file *file = BPF_CORE_READ(binary, file);

	if (!mark)
		return judge_unmarked(task, file);
	container.cgroup_id = mark->cgroup_id;
	if (!container_get(mark->cgroup_id, &container))
		return kill_unjudged(&container, STOCKADE_POLICY_GONE);
	if (container.state != STOCKADE_OPEN)
		return kill_unjudged(&container, STOCKADE_NOT_OPEN);
	return judge_task(task, file, &container);
}
