#pragma once
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdint.h>

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

/* Gives freed memory back to the system. malloc_trim(3), whose header Swift's Glibc module lacks. */
void stockade_trim_memory(void);

/* getrandom(2), whose header Swift's Glibc module lacks. */
long stockade_random(void *buffer, unsigned long size);

/* 1: `path` lies on a bpf file system; 0: on another one; -1 and errno. */
int stockade_is_bpffs(const char *path);

/* 1: the running kernel has a function of this name; 0: it has none; or -errno. */
int stockade_kernel_has(const char *function);

/* Switches on the object's optional programs (SEC("?…")) whose hook the running kernel has. 0 or -errno. */
int stockade_enable_optional(struct bpf_object *object);

/* What a probe that is over may exit with. */
enum {
	STOCKADE_PROBE_CANNOT_JOIN = 100,
	STOCKADE_PROBE_CANNOT_UNSHARE,
	STOCKADE_PROBE_CANNOT_EXEC,
	STOCKADE_PROBE_EXEC_REFUSED, /* with EACCES */
	STOCKADE_PROBE_ALL_REFUSED,  /* the opening of a file before it as well */
};

/*
 * Forks a child that joins the cgroup of this cgroup.procs file and gets a mount namespace of its own, then waits.
 * Its pid, or -errno. `go` is to be closed, or given to stockade_probe_finish.
 */
int stockade_probe_start(const char *cgroup_procs, int *go);

/*
 * Lets the child open a file and exec this very program; whatever that does, it is over after a second. The status of
 * wait(2), or -errno.
 */
int stockade_probe_finish(int pid, int go);
