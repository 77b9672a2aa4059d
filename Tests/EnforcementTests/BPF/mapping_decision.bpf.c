// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Judges an open file of the caller as if it were mapped to be executed, under BPF_PROG_TEST_RUN. */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "stockade.h"
#include "decide/exec_decide.bpf.h"
#include "lib/descriptor.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NOT_JUDGED 0xffffffffu

/* Descriptor, revision. Returns action, reason and the lower half of the rule's index. */
SEC("raw_tp")
int mapping_decision(__u64 *context)
{
	struct file *file = opened_file((struct task_struct *)bpf_get_current_task(), context[0]);
	__u64 revision = context[1];
	const struct stockade_policy *policy = bpf_map_lookup_elem(&policies, &revision);
	struct stockade_container container = {};
	struct scratch *scratch;
	__u32 answer;

	if (!policy)
		return NOT_JUDGED;
	scratch = scratch_claim();
	if (!scratch)
		return NOT_JUDGED;
	image_identify(scratch, mapped_place(file), &container, 0);
	judge_mapping(scratch, policy);
	answer = scratch->judgement.action | scratch->judgement.reason << 8 | scratch->judgement.rule << 16;
	scratch_release(scratch);
	return answer;
}
