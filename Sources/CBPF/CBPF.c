#define _GNU_SOURCE
#include "CBPF.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* What matters in a verifier's log is its end. */
#define LOG_BYTES 4096

static _Thread_local char text[LOG_BYTES];

static int keep(enum libbpf_print_level level, const char *format, va_list arguments)
{
	size_t used = strlen(text), length;
	char *line;

	/* A verifier's log comes as one message of any length. */
	if (level == LIBBPF_DEBUG || vasprintf(&line, format, arguments) < 0)
		return 0;
	length = strlen(line);
	if (length >= sizeof(text)) {
		memcpy(text, line + length + 1 - sizeof(text), sizeof(text));
	} else {
		size_t excess = used + length < sizeof(text) ? 0 : used + length + 1 - sizeof(text);

		memmove(text, text + excess, used - excess + 1);
		memcpy(text + used - excess, line, length + 1);
	}
	free(line);
	return 0;
}

void stockade_log_start(void)
{
	text[0] = 0;
	libbpf_set_print(keep);
}

const char *stockade_log_text(void)
{
	return text;
}

static struct bpf_map *constants_of(struct bpf_object *object)
{
	struct bpf_map *map = NULL;

	/* The map's name is the object's, cut, and the section's. */
	while ((map = bpf_object__next_map(object, map))) {
		const char *name = bpf_map__name(map), *dot = strrchr(name, '.');

		if (dot && !strcmp(dot, ".rodata"))
			return map;
	}
	return NULL;
}

int stockade_set_constant(struct bpf_object *object, const char *name, uint64_t value)
{
	const struct btf *btf = bpf_object__btf(object);
	struct bpf_map *map = constants_of(object);
	int section = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -1;
	size_t size;
	char *bytes;

	if (!map || section < 0)
		return -ENOENT;
	bytes = (char *)bpf_map__initial_value(map, &size);
	const struct btf_type *type = btf__type_by_id(btf, section);
	const struct btf_var_secinfo *variable = btf_var_secinfos(type);
	for (int index = 0; index < btf_vlen(type); index++, variable++) {
		const char *found = btf__name_by_offset(btf, btf__type_by_id(btf, variable->type)->name_off);

		if (strcmp(found, name) || variable->size > sizeof(value) || variable->offset + variable->size > size)
			continue;
		memcpy(bytes + variable->offset, &value, variable->size);
		return 0;
	}
	return -ENOENT;
}

void stockade_trim_memory(void)
{
	malloc_trim(0);
}

long stockade_random(void *buffer, unsigned long size)
{
	return getrandom(buffer, size, 0);
}

#define BPFFS_MAGIC 0xcafe4a11

int stockade_is_bpffs(const char *path)
{
	struct statfs status;

	if (statfs(path, &status))
		return -1;
	return status.f_type == BPFFS_MAGIC;
}

static int has_function(const struct btf *types, const char *name)
{
	return btf__find_by_name_kind(types, name, BTF_KIND_FUNC) > 0;
}

int stockade_kernel_has(const char *function)
{
	/* Not kept: it takes more memory than all the rest of the process. */
	struct btf *types = btf__load_vmlinux_btf();
	int found;

	if (!types)
		return -errno;
	found = has_function(types, function);
	btf__free(types);
	return found;
}

/* The kernel function that a program of this section hooks into; 0: none is named. */
static int target_of(const char *section, char *name, size_t size)
{
	static const char lsm[] = "lsm/", fmod_ret[] = "fmod_ret/";

	if (!strncmp(section, lsm, strlen(lsm)))
		return snprintf(name, size, "bpf_lsm_%s", section + strlen(lsm));
	if (!strncmp(section, fmod_ret, strlen(fmod_ret)))
		return snprintf(name, size, "%s", section + strlen(fmod_ret));
	return 0;
}

int stockade_enable_optional(struct bpf_object *object)
{
	struct bpf_program *program = NULL;
	struct btf *types = NULL;
	char name[128];

	while ((program = bpf_object__next_program(object, program))) {
		if (bpf_program__autoload(program) ||
		    !target_of(bpf_program__section_name(program), name, sizeof(name)))
			continue;
		if (!types)
			types = btf__load_vmlinux_btf();
		if (!types)
			return -errno;
		bpf_program__set_autoload(program, has_function(types, name));
	}
	btf__free(types);
	return 0;
}

/* Only async-signal-safe calls in the child: the parent has threads. */
static void probe_prepare(const char *cgroup_procs)
{
	int procs = open(cgroup_procs, O_WRONLY | O_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (procs < 0 || write(procs, "0", 1) != 1)
		_exit(STOCKADE_PROBE_CANNOT_JOIN);
	if (unshare(CLONE_NEWNS))
		_exit(STOCKADE_PROBE_CANNOT_UNSHARE);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
}

static void probe_try(void)
{
	char *const arguments[] = {"stockade", "version", NULL}, *const environment[] = {NULL};
	bool opened = open("/proc/self/stat", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES;

	alarm(1);
	execve("/proc/self/exe", arguments, environment);
	if (errno != EACCES)
		_exit(STOCKADE_PROBE_CANNOT_EXEC);
	_exit(opened ? STOCKADE_PROBE_EXEC_REFUSED : STOCKADE_PROBE_ALL_REFUSED);
}

static void probe_child(const char *cgroup_procs, int ready, int go)
{
	char byte = 0;

	probe_prepare(cgroup_procs);
	if (write(ready, &byte, 1) == 1 && read(go, &byte, 1) == 1)
		probe_try();
	_exit(STOCKADE_PROBE_CANNOT_EXEC);
}

/* Waits for its end. */
static int reap(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

int stockade_probe_start(const char *cgroup_procs, int *go)
{
	int ready[2], start[2], error;
	char byte;
	pid_t child;

	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	if (pipe2(start, O_CLOEXEC)) {
		error = errno;
		close(ready[0]);
		close(ready[1]);
		return -error;
	}
	child = fork();
	error = errno;
	if (!child) {
		close(start[1]);
		probe_child(cgroup_procs, ready[1], start[0]);
	}
	close(ready[1]);
	close(start[0]);
	*go = start[1];
	/* Without a byte it has ended already, and its status says why. */
	if (child > 0)
		while (read(ready[0], &byte, 1) < 0 && errno == EINTR) {
		}
	close(ready[0]);
	if (child < 0) {
		close(start[1]);
		return -error;
	}
	return child;
}

int stockade_probe_finish(int pid, int go)
{
	char byte = 0;

	/* Where it has ended already there is nobody to be told; SIGPIPE is ignored by every command. */
	if (write(go, &byte, 1) < 0 && errno != EPIPE) {
		int error = errno;

		close(go);
		reap(pid);
		return -error;
	}
	close(go);
	return reap(pid);
}
