#pragma once
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdint.h>
#include <zstd.h>

/* libbpf explains its errors only by a print callback with a va_list, which Swift cannot read. */

/* From here on this thread's libbpf messages are kept instead of printed. */
void stockade_log_start(void);

/* The last of the kept messages, '\n' between them; valid until the thread's next message. */
const char *stockade_log_text(void);

/*
 * Sets a `const volatile` variable of an object that is not loaded yet, from the low bytes of `value`.
 * 0, or -ENOENT: the object has no such variable of at most 8 bytes.
 */
int stockade_set_constant(struct bpf_object *object, const char *name, uint64_t value);

/* getrandom(2), whose header Swift's Glibc module lacks. */
long stockade_random(void *buffer, unsigned long size);

/* 1: `path` lies on a bpf file system; 0: on another one; -1 and errno. */
int stockade_is_bpffs(const char *path);

/* 1: the running kernel has a function of this name; 0: it has none; or -errno. */
int stockade_kernel_has(const char *function);

/* Switches on the object's optional programs (SEC("?…")) whose hook the running kernel has. 0 or -errno. */
int stockade_enable_optional(struct bpf_object *object);

/*
 * Makes a map of an object that is not loaded yet, as a task of the cgroup of this cgroup.procs file: what the map ever
 * takes is charged to that cgroup. Its descriptor, or -errno.
 */
int stockade_make_map_in(const char *procs, const struct bpf_object *object, const struct bpf_map *map);

/* What a probe that is over may exit with. */
enum {
	STOCKADE_PROBE_CANNOT_JOIN = 100,
	STOCKADE_PROBE_CANNOT_UNSHARE,
	STOCKADE_PROBE_CANNOT_EXEC,
	STOCKADE_PROBE_CANNOT_FORK,
	STOCKADE_PROBE_EXEC_REFUSED, /* with EACCES */
	STOCKADE_PROBE_ALL_REFUSED,  /* the opening of a file before it as well */
};

/* What a crowd that tries the same for some time was let do. */
struct stockade_race;
struct stockade_race_counts {
	uint64_t opens, opened; /* of a file */
	uint64_t executions, executed;
	uint64_t forks_refused;
};

/* Few for so many seconds; with a crowd, that many at once instead. NULL and errno. */
struct stockade_race *stockade_race_make(uint32_t seconds, uint32_t crowd);
struct stockade_race_counts stockade_race_counts(const struct stockade_race *race);
void stockade_race_free(struct stockade_race *race);

struct stockade_probe {
	const char *cgroup_procs;   /* of the cgroup that is confined */
	const char *memory_procs;   /* joined before; NULL: none */
	struct stockade_race *race; /* NULL: it tries once */
};

/*
 * Forks a child that joins the cgroups and gets a mount namespace of its own, then waits. Its pid, or -errno. `go` is
 * to be closed, or given to stockade_probe_finish.
 */
int stockade_probe_start(const struct stockade_probe *probe, int *go);

/*
 * Forks a task with more right to this CPU that sleeps and wakes, again and again, and meanwhile another one that ends
 * at once. How often the first got the CPU, and when, of CLOCK_MONOTONIC in nanoseconds; 0: it could not be tried.
 */
#define STOCKADE_RIVAL_TIMES_MAX 500
#define STOCKADE_RIVAL_PERIOD_NS 1000000
uint32_t stockade_fork_beside_rival(uint64_t ran_ns[STOCKADE_RIVAL_TIMES_MAX]);

/* The calling thread's number: gettid(2). */
uint32_t stockade_thread_id(void);

/*
 * Lets a child of the child open a file and exec this very program, or a crowd for so long; whatever that does, it is
 * over after ten seconds. The status of wait(2), or -errno.
 */
int stockade_probe_finish(int pid, int go);
