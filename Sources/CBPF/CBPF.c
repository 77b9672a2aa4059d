#define _GNU_SOURCE
#include "CBPF.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/vfs.h>

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
	static const char lsm[] = "lsm/", fmod_ret[] = "fmod_ret/", fexit[] = "fexit/";

	if (!strncmp(section, lsm, strlen(lsm)))
		return snprintf(name, size, "bpf_lsm_%s", section + strlen(lsm));
	if (!strncmp(section, fmod_ret, strlen(fmod_ret)))
		return snprintf(name, size, "%s", section + strlen(fmod_ret));
	if (!strncmp(section, fexit, strlen(fexit)))
		return snprintf(name, size, "%s", section + strlen(fexit));
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
