#pragma once
#include <linux/filter.h>
#include <seccomp.h>

struct stockade_attribute {
	enum scmp_filter_attr name;
	uint32_t value;
};

/* A rule has `condition_count` conditions, from `first_condition` of the filter's on. */
struct stockade_rule {
	uint32_t action;
	int32_t number;
	uint32_t first_condition;
	uint32_t condition_count;
};

/* A filter in libseccomp's numbers. */
struct stockade_filter {
	uint32_t default_action;
	/* The node's own architecture; a filter for another node has not ours. */
	uint32_t native;
	const uint32_t *architectures;
	uint32_t architecture_count;
	const struct stockade_attribute *attributes;
	uint32_t attribute_count;
	const struct scmp_arg_cmp *conditions;
	const struct stockade_rule *rules;
	uint32_t rule_count;
};

/* What libseccomp was doing. */
enum stockade_step {
	STOCKADE_STEP_START,
	STOCKADE_STEP_ARCHITECTURE,
	STOCKADE_STEP_NATIVE,
	STOCKADE_STEP_ATTRIBUTE,
	STOCKADE_STEP_RULE,
	STOCKADE_STEP_EXPORT,
	STOCKADE_STEP_DONE,
};

struct stockade_build {
	/* DONE, or where it ended. */
	enum stockade_step step;
	/* Of the architecture, attribute or rule. */
	uint32_t index;
	/* libseccomp's errno at that step; 0 if it did not come back from it. */
	int32_t error;
};

/*
 * Builds a filter's BPF program with libseccomp and writes it to `output`.
 *
 * In a child process, ended after `seconds` of CPU time: libseccomp's time grows exponentially with some rules, and
 * nothing stops it from within. Returns 0 with the outcome in `build`, or -1 with errno where no child could be made.
 */
int stockade_build_filter(const struct stockade_filter *filter, int output, uint32_t seconds,
			  struct stockade_build *build);
