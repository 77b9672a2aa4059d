// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Judges an access to an open file of the caller as the file hooks do, under BPF_PROG_TEST_RUN. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "file_decide.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NOT_JUDGED 0xffffffffu

static struct file *file_of(__u64 descriptor)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct file **files = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file), files + descriptor);
	return file;
}

static __u32 judge_in(struct scratch *scratch, const struct file_access *access, __u64 revision)
{
	const struct stockade_policy *policy = bpf_map_lookup_elem(&policies, &revision);
	const struct judgement *judgement = &scratch->judgement;

	if (!policy || !file_locate(scratch, access, 0))
		return NOT_JUDGED;
	judge_file(scratch, policy, access);
	return judgement->action | judgement->reason << 8 | judgement->rule << 16;
}

/* Descriptor, revision, access, reach. Returns action, reason and the lower half of the rule's index. */
SEC("raw_tp")
int file_decision(__u64 *context)
{
	struct file *file = file_of(context[0]);
	struct file_access access = {
		.dentry = (__u64)BPF_CORE_READ(file, f_path.dentry),
		.mount = (__u64)BPF_CORE_READ(file, f_path.mnt),
		.inode = (__u64)BPF_CORE_READ(file, f_inode),
		.access = context[2],
		.reach = context[3],
	};
	struct scratch *scratch = scratch_claim();
	__u32 answer;

	if (!scratch)
		return NOT_JUDGED;
	answer = judge_in(scratch, &access, context[1]);
	scratch_release(scratch);
	return answer;
}
