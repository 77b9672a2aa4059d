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

/* getrandom(2), whose header Swift's Glibc module lacks. */
long stockade_random(void *buffer, unsigned long size);

/* 1: `path` lies on a bpf file system; 0: on another one; -1 and errno. */
int stockade_is_bpffs(const char *path);

/*
 * Forks a child that joins the cgroup of this cgroup.procs file, gets a mount namespace of its own and execs this very
 * program; whatever that does, it is over after a second. The status of wait(2), or -errno.
 */
int stockade_probe_exec(const char *cgroup_procs);
