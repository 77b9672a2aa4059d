#pragma once
#include <linux/filter.h>
#include <seccomp.h>

/*
 * Opens a file of a folder for reading, never one outside it, whatever links lead there. openat2(2), Linux 5.6.
 * Without blocking, so that a FIFO does not hold the caller. Returns the descriptor or -1 with errno.
 */
int stockade_open_beneath(int folder, const char *name);

/* An unnamed file in memory. memfd_create(2), which Swift's Glibc lacks. Returns the descriptor or -1 with errno. */
int stockade_memory_file(void);
