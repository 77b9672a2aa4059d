#include "CSeccomp.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Notes the step before it is made, so that the parent knows it even if it never ends. */
static void begin(struct stockade_build *build, enum stockade_step step, uint32_t index)
{
	build->step = step;
	build->index = index;
}

static int set_architectures(scmp_filter_ctx context, const struct stockade_filter *filter,
			     struct stockade_build *build)
{
	int error = 0;

	for (uint32_t i = 0; i < filter->architecture_count && !error; i++) {
		begin(build, STOCKADE_STEP_ARCHITECTURE, i);
		error = seccomp_arch_add(context, filter->architectures[i]);
		/* Named twice, or the machine's own. */
		if (error == -EEXIST)
			error = 0;
	}
	if (error || filter->native == seccomp_arch_native())
		return error;
	begin(build, STOCKADE_STEP_NATIVE, 0);
	error = seccomp_arch_add(context, filter->native);
	if (error && error != -EEXIST)
		return error;
	return seccomp_arch_remove(context, seccomp_arch_native());
}

static int add_rules(scmp_filter_ctx context, const struct stockade_filter *filter, struct stockade_build *build)
{
	int error = 0;

	for (uint32_t i = 0; i < filter->rule_count && !error; i++) {
		const struct stockade_rule *rule = &filter->rules[i];

		begin(build, STOCKADE_STEP_RULE, i);
		error = seccomp_rule_add_array(context, rule->action, rule->number, rule->condition_count,
					       filter->conditions + rule->first_condition);
	}
	return error;
}

static int build_filter(const struct stockade_filter *filter, int output, struct stockade_build *build)
{
	scmp_filter_ctx context = seccomp_init(filter->default_action);
	int error;

	if (!context)
		return -EINVAL;
	error = set_architectures(context, filter, build);
	for (uint32_t i = 0; i < filter->attribute_count && !error; i++) {
		begin(build, STOCKADE_STEP_ATTRIBUTE, i);
		error = seccomp_attr_set(context, filter->attributes[i].name, filter->attributes[i].value);
	}
	if (!error)
		error = add_rules(context, filter, build);
	if (!error) {
		begin(build, STOCKADE_STEP_EXPORT, 0);
		error = seccomp_export_bpf(context, output);
	}
	if (!error)
		begin(build, STOCKADE_STEP_DONE, 0);
	return error;
}

int stockade_build_filter(const struct stockade_filter *filter, int output, uint32_t seconds,
			  struct stockade_build *build)
{
	const struct rlimit time = {seconds, seconds};
	struct stockade_build *shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int saved;
	pid_t child;

	if (shared == MAP_FAILED)
		return -1;
	child = fork();
	if (child == 0) {
		/* Only C from here on: of the parent's other threads there is nothing but the locks they held. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setrlimit(RLIMIT_CPU, &time))
			shared->error = errno;
		else
			shared->error = -build_filter(filter, output, shared);
		_exit(0);
	}
	saved = errno;
	/* ECHILD, where the process ignores SIGCHLD, comes after the child's end too. */
	while (child > 0 && waitpid(child, NULL, 0) == -1 && errno == EINTR)
		;
	*build = *shared;
	munmap(shared, sizeof(*shared));
	errno = saved;
	return child > 0 ? 0 : -1;
}
