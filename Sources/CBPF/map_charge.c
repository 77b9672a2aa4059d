#define _GNU_SOURCE
#include "CBPF.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* In memory that the child shares with its parent. */
struct order {
	union bpf_attr attributes;
	int procs;
	int made; /* the map's descriptor, or -errno */
};

/* Only calls that are safe in a signal handler: the parent has threads. */
static void carry_out(struct order *order)
{
	if (write(order->procs, "0", 1) != 1)
		order->made = -errno;
	else if ((order->made = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &order->attributes, sizeof(order->attributes))) <
		 0)
		order->made = -errno;
	_exit(0);
}

/* The child has the parent's descriptors themselves, no copies: the map that it makes is open in the parent. */
static int carry_out_elsewhere(struct order *order)
{
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	int status;

	if (child < 0)
		return -errno;
	if (child == 0)
		carry_out(order);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return order->made;
}

static void describe(union bpf_attr *attributes, const struct bpf_map *map, int types)
{
	attributes->map_type = bpf_map__type(map);
	attributes->key_size = bpf_map__key_size(map);
	attributes->value_size = bpf_map__value_size(map);
	attributes->max_entries = bpf_map__max_entries(map);
	attributes->map_flags = bpf_map__map_flags(map);
	strncpy(attributes->map_name, bpf_map__name(map), sizeof(attributes->map_name) - 1);
	attributes->btf_fd = types;
	attributes->btf_key_type_id = bpf_map__btf_key_type_id(map);
	attributes->btf_value_type_id = bpf_map__btf_value_type_id(map);
}

static int make_described(const char *procs, const struct bpf_map *map, int types)
{
	struct order *order = mmap(NULL, sizeof(*order), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int made;

	if (order == MAP_FAILED)
		return -errno;
	describe(&order->attributes, map, types);
	/* Unless it says otherwise: the child was ended from outside. */
	order->made = -EINTR;
	order->procs = open(procs, O_WRONLY | O_CLOEXEC);
	made = order->procs < 0 ? -errno : carry_out_elsewhere(order);
	if (order->procs >= 0)
		close(order->procs);
	munmap(order, sizeof(*order));
	return made;
}

int stockade_make_map_in(const char *procs, const struct bpf_object *object, const struct bpf_map *map)
{
	/* A copy: libbpf loads the object's own, once, when it loads the object. */
	const struct btf *own = bpf_object__btf(object);
	const void *bytes;
	struct btf *types;
	__u32 size;
	int made;

	if (!own)
		return -ENOENT;
	bytes = btf__raw_data(own, &size);
	types = bytes ? btf__new(bytes, size) : NULL;
	if (!types)
		return -errno;
	made = btf__load_into_kernel(types);
	if (made == 0)
		made = make_described(procs, map, btf__fd(types));
	btf__free(types);
	return made;
}
