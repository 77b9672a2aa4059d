#define _GNU_SOURCE
#include "CBPF.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
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
	char line[LOG_BYTES / 2];
	size_t used = strlen(text), length;

	if (level == LIBBPF_DEBUG)
		return 0;
	/* A verifier's log comes as one message, longer than `line`: vsnprintf cannot drop its beginning, so it is
	 * kept. */
	vsnprintf(line, sizeof(line), format, arguments);
	length = strlen(line);
	if (used + length >= sizeof(text)) {
		size_t excess = used + length + 1 - sizeof(text);

		memmove(text, text + excess, used - excess + 1);
		used -= excess;
	}
	memcpy(text + used, line, length + 1);
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

/* Exit statuses of a child that could not even try. */
enum { CANNOT_JOIN = 100, CANNOT_UNSHARE, CANNOT_EXEC };

/* Only async-signal-safe calls: the parent has threads. */
static void probe_child(const char *cgroup_procs)
{
	char *const arguments[] = {"stockade", "version", NULL}, *const environment[] = {NULL};
	int procs = open(cgroup_procs, O_WRONLY | O_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (procs < 0 || write(procs, "0", 1) != 1)
		_exit(CANNOT_JOIN);
	if (unshare(CLONE_NEWNS))
		_exit(CANNOT_UNSHARE);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	alarm(1);
	execve("/proc/self/exe", arguments, environment);
	_exit(CANNOT_EXEC);
}

int stockade_probe_exec(const char *cgroup_procs)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (!child)
		probe_child(cgroup_procs);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}
