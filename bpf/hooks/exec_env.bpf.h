/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An entrypoint that begins with `#!/usr/bin/env`: its env may execute one file of the image. */
#ifndef STOCKADE_EXEC_ENV_H
#define STOCKADE_EXEC_ENV_H

#include "report/exec_events.bpf.h"
#include "lib/exec_task.bpf.h"

#define ENV_NAME_BYTES 16 /* with its NUL, the longest name that is compared */

/* Whether the exec was a script's, and the script named env as its interpreter. */
static __noinline bool names_env(struct linux_binprm *binary)
{
	const char *interpreter = BPF_CORE_READ(binary, interp);
	char name[ENV_NAME_BYTES] = {};

	if (interpreter == BPF_CORE_READ(binary, filename))
		return false;
	if (bpf_probe_read_kernel_str(name, sizeof(name), interpreter) <= 0)
		return false;
	return !__builtin_memcmp(name, "/usr/bin/env", sizeof("/usr/bin/env")) ||
	       !__builtin_memcmp(name, "/bin/env", sizeof("/bin/env"));
}

/* Whether what was loaded is the image's /usr/bin/env itself: what a link leads to may be any program. */
__noinline int loaded_env(const struct executable *executable, const struct stockade_container *of)
{
	struct stockade_container container; /* on the stack: before Linux 6.2 no key of a map is anywhere else */
	struct scratch *scratch;
	char path[ENV_NAME_BYTES] = {};
	__u32 length;
	bool result;

	if (!executable || !of)
		return false;
	container = *of;
	scratch = scratch_claim();
	if (!scratch)
		return false;
	image_identify(scratch, opened_place((struct file *)executable->file), &container, 0);
	length = STOCKADE_PATH_MAX_BYTES - scratch->image.start;
	result = scratch->image.end == WALK_WHOLE && !scratch->image.fresh && !scratch->image.fileless &&
		 length == sizeof("/usr/bin/env") - 1 &&
		 !bpf_probe_read_kernel(path, sizeof("/usr/bin/env") - 1,
					(const char *)scratch->path + scratch->image.start) &&
		 !__builtin_memcmp(path, "/usr/bin/env", sizeof("/usr/bin/env"));
	scratch_release(scratch);
	return result;
}

/*
 * The exception for this exec. Where the files were not judged before the load, a script that the image's env starts
 * has none: nothing tells whether the script is of the image.
 */
static inline enum exec_exception exception_of(struct task_struct *task, struct stockade_mark *mark,
					       struct linux_binprm *binary, enum exec_stage stage)
{
	enum exec_exception exception = use_up_exception(task, mark);

	if (exception != EXCEPT_RUN_BY_ENV || stage != EXEC_WHOLE)
		return exception;
	if (!binary || BPF_CORE_READ(binary, interp) != BPF_CORE_READ(binary, filename))
		return EXCEPT_NOTHING;
	return exception;
}

#endif
