// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tells what a call reaches for, and what a policy says of that, as the hooks do, under BPF_PROG_TEST_RUN. */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "stockade.h"
#include "decide/kernel_decide.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define NOT_JUDGED 0xffffffffu

/* The hook's plain arguments. Each returns a surface, or 0. */
SEC("raw_tp")
int surface_mount(__u64 *context)
{
	return surface_of_mount(context[0]);
}

/* 16 bytes of the name, and its length. */
SEC("raw_tp")
int surface_anonymous(__u64 *context)
{
	char name[16] = {};

	__builtin_memcpy(name, context, sizeof(name));
	return surface_of_anonymous(name, context[2]);
}

SEC("raw_tp")
int surface_socket(__u64 *context)
{
	return surface_of_socket(context[0], context[1], context[2]);
}

/* Not a surface but the family. */
SEC("raw_tp")
int socket_family(__u64 *context)
{
	return family_of_socket(context[0], context[1], context[2]);
}

SEC("raw_tp")
int surface_capability(__u64 *context)
{
	return surface_of_capability(context[0]);
}

SEC("raw_tp")
int surface_read(__u64 *context)
{
	return surface_of_read(context[0]);
}

SEC("raw_tp")
int surface_load(__u64 *context)
{
	return surface_of_load(context[0]);
}

SEC("raw_tp")
int surface_trace(__u64 *context)
{
	return surface_of_trace(context[0]);
}

SEC("raw_tp")
int surface_code(__u64 *context)
{
	return surface_of_code(context[0], context[1]);
}

/* Not a surface but whether mprotect(2) is looked at. */
SEC("raw_tp")
int code_change(__u64 *context)
{
	return changes_to_code(context[0], context[1]);
}

/*
 * Revision, surfaces, family, flags of the container; 0 as the surfaces: another container's task. Returns enum
 * stockade_effect, and above 8 bits the surface that decides.
 */
SEC("raw_tp")
int kernel_decision(__u64 *context)
{
	struct stockade_container container = {.revision = context[0], .flags = context[3]};
	struct policy_summary policy;
	__u32 surfaces = context[1], family = context[2], deciding = 0, effect;

	if (!policy_summary_get(&container, &policy))
		return NOT_JUDGED;
	if (!surfaces)
		return effect_on_others(&policy);
	if (lists_family(&policy, family))
		return 0;
	effect = effect_of_surface(&policy, surfaces, &deciding);
	return (softens_effect(&container, effect) ? STOCKADE_AUDITED : effect) | deciding << 8;
}
