// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Judges an access to an open file of the caller as the file hooks do, under BPF_PROG_TEST_RUN. */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "decide/file_decide.bpf.h"
#include "lib/descriptor.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NOT_JUDGED 0xffffffffu

static __u32 judge_in(struct scratch *scratch, const struct file_access *access, __u64 revision, __u32 flags)
{
	const struct stockade_policy *policy = bpf_map_lookup_elem(&policies, &revision);
	struct judgement *judgement = &scratch->judgement;
	struct stockade_container container = {.flags = flags};

	if (!policy || !can_have_path(access, &container))
		return NOT_JUDGED;
	file_locate(scratch, access, &container);
	judge_file(scratch, policy, access);
	judgement_soften(judgement, &container);
	return judgement->action | judgement->reason << 8 | judgement->rule << 16;
}

/* Descriptor, revision, access, reach, flags of the container. Returns action, reason and the lower half of the rule's
 * index. */
SEC("raw_tp")
int file_decision(__u64 *context)
{
	struct file *file = opened_file((struct task_struct *)bpf_get_current_task(), context[0]);
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
	answer = judge_in(scratch, &access, context[1], context[4]);
	scratch_release(scratch);
	return answer;
}
