// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Judges a packet that is told in numbers as the network programs do, under BPF_PROG_TEST_RUN. */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lib/uapi_network.h"
#include "stockade.h"
#include "lib/maps.bpf.h"
#include "decide/network_decide.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NOT_JUDGED 0xffffffffu
#define ASK_BIND   3

/* Revision, direction or ASK_BIND, both halves of the peer's address as in memory, port, protocol, flags of the
 * container. Returns action, reason and the lower half of the rule's index. */
SEC("raw_tp")
int network_decision(__u64 *context)
{
	struct stockade_container container = {.revision = context[0], .flags = context[6]};
	struct packet packet = {.protocol = context[5]};
	struct network_judgement judgement = {};
	__u32 direction = context[1];

	packet.remote.halves[0] = context[2];
	packet.remote.halves[1] = context[3];
	packet.remote_port = packet.local_port = context[4];
	if (direction == ASK_BIND) {
		if (judge_bind(&container, &packet, &judgement))
			return NOT_JUDGED;
	} else if (judge_packet(&container, &packet, direction, &judgement)) {
		return NOT_JUDGED;
	}
	return judgement.action | judgement.reason << 8 | judgement.rule << 16;
}
