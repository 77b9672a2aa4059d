// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Judges a packet that is told in numbers as the network programs do, under BPF_PROG_TEST_RUN. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "uapi_network.h"
#include "stockade.h"
#include "maps.bpf.h"
#include "network_judge.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NOT_JUDGED 0xffffffffu

/* Revision, direction, both halves of the peer's address as in memory, port, protocol. Returns action, reason and the
 * lower half of the rule's index. */
SEC("raw_tp")
int network_decision(__u64 *context)
{
	struct bound bound = {.revision = context[0], .found = 1};
	struct packet packet = {.protocol = context[5]};
	struct network_judgement judgement = {};
	__u32 direction = context[1];

	packet.remote.halves[0] = context[2];
	packet.remote.halves[1] = context[3];
	packet.remote_port = packet.local_port = context[4];
	if (judge_packet(&bound, &packet, direction, &judgement))
		return NOT_JUDGED;
	return judgement.action | judgement.reason << 8 | judgement.rule << 16;
}
