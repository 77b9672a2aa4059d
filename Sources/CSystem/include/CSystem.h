#pragma once
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* prctl() and syscall() are variadic, and unshare() is behind _GNU_SOURCE: Swift imports none of them. */

/* PR_SET_CHILD_SUBREAPER: orphaned descendants become our children. */
static inline int stockade_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

/* unshare(CLONE_NEWNS): a mount namespace for the calling thread and for the threads that it starts from now on. */
static inline int stockade_unshare_mounts(void) { return (int)syscall(SYS_unshare, 0x00020000); }
