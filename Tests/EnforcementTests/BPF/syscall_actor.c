// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes system calls under a filter: syscall_actor FILTER table RESULTS, or FILTER HOW NUMBER. FILTER is a file of
 * struct sock_filter. HOW is `call`, `thread`, or `storm`, which makes the call very often.
 *
 * `table` makes every call of the 64-bit and the 32-bit ABI, and writes the results to the file RESULTS: nothing of it
 * is carried out, since an older filter answers what the other one lets pass. Of two filters with the same action the
 * newer one's errno counts, and a stricter action than an errno wins.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CALLS  512
#define PASSED 4000
#define COOKIE 0x57ec1a55
/* A container may report so many calls in the long run. */
#define PAUSE_NS 11000000

static struct sock_filter given[4096];
static size_t given_count;

static long call6(long number, long a, long b, long c, long last)
{
	register long r10 asm("r10") = 0;
	register long r8 asm("r8") = 0;
	register long r9 asm("r9") = last;
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return result;
}

static long call(long number)
{
	return call6(number, 0, 0, 0, 0);
}

static void finish(int status)
{
	call6(SYS_exit_group, status, 0, 0, COOKIE);
}

static void read_given(const char *path)
{
	ssize_t bytes = read(open(path, O_RDONLY), given, sizeof(given));

	if (bytes <= 0)
		finish(101);
	given_count = bytes / sizeof(*given);
}

static void install(struct sock_filter *filter, size_t count)
{
	struct sock_fprog program = {.len = count, .filter = filter};

	if (call6(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (long)&program, COOKIE))
		finish(100);
}

/* Lets only a call pass whose last argument is the cookie. */
static void install_net(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, COOKIE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | PASSED),
	};

	install(filter, sizeof(filter) / sizeof(*filter));
}

static long call32(long number)
{
	long result;

	asm volatile("push %%rbp; xor %%ebp, %%ebp; int $0x80; pop %%rbp"
		     : "=a"(result)
		     : "a"(number), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0)
		     : "r8", "r9", "r10", "r11", "memory");
	return (int)result;
}

static void pause_between(void)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec < PAUSE_NS);
}

static void table(const char *path)
{
	int file = open(path, O_RDWR);
	long *results = mmap(NULL, 2 * CALLS * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	if (results == MAP_FAILED)
		finish(102);
	install_net();
	install(given, given_count);
	for (long number = 0; number < CALLS; number++) {
		/* The kernel asks no filter about uretprobe and uprobe, which it makes by itself. */
		results[number] = number == 335 || number == 336 ? -PASSED : call(number);
		pause_between();
		results[CALLS + number] = call32(number);
		pause_between();
	}
	finish(0);
}

static void *call_in_thread(void *number)
{
	call((long)number);
	return NULL;
}

int main(int count, char **words)
{
	long number = count > 3 ? atol(words[3]) : 0;
	pthread_t thread;

	if (count < 4 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 103;
	read_given(words[1]);
	if (!strcmp(words[2], "table"))
		table(words[3]);
	install(given, given_count);
	if (!strcmp(words[2], "call"))
		return call(number) < 0;
	if (!strcmp(words[2], "storm")) {
		for (int i = 0; i < 20000; i++)
			call(number);
		return 0;
	}
	if (pthread_create(&thread, NULL, call_in_thread, (void *)number))
		return 105;
	usleep(100000);
	return 0;
}
