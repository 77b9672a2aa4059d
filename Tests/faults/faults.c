/*
 * The seam between Stockade and libc, for tests: a library for LD_PRELOAD that stands before the functions by which the
 * program asks the kernel for something. It counts the calls of each, and makes one call fail without doing it.
 *
 * The file that STOCKADE_FAULTS names is shared with the test, which arms the seam there. Only a program of the name
 * "stockade" takes part, its forks included; other programs that inherit the environment do not. x86-64 alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SLOTS	     1024
#define BPF_BASE     256
#define BPF_COMMANDS 64
#define SYSCALL_BASE 320

/* Of the kernel's ABI. The headers that have them also declare the functions below, with other types. */
#define NR_BPF		321
#define O_RDWR_CLOEXEC	02000002
#define PROT_READ_WRITE 3
#define MAP_SHARED_FILE 1

/* Tests/faults/seam.py has the same. */
struct seam {
	uint32_t armed;
	/* The call that fails: of this slot, the so-manieth. 0: none. */
	uint32_t slot;
	uint32_t nth;
	int32_t error;
	/* How many calls have failed: 0 or 1. */
	uint32_t failed;
	uint32_t counts[SLOTS];
};

/* What a function answers when it fails. */
enum answer {
	MINUS_ONE, /* and errno: an int, a ssize_t, or mmap's pointer */
	NOTHING,   /* and errno: a pointer */
	NUMBER,	   /* errno's number itself */
};

#define FUNCTIONS(F)                                                                                                   \
	F(_Fork, MINUS_ONE)                                                                                            \
	F(__realpath_chk, NOTHING)                                                                                     \
	F(accept4, MINUS_ONE)                                                                                          \
	F(access, MINUS_ONE)                                                                                           \
	F(bind, MINUS_ONE)                                                                                             \
	F(chdir, MINUS_ONE)                                                                                            \
	F(chmod, MINUS_ONE)                                                                                            \
	F(chown, MINUS_ONE)                                                                                            \
	F(chroot, MINUS_ONE)                                                                                           \
	F(clone, MINUS_ONE)                                                                                            \
	F(connect, MINUS_ONE)                                                                                          \
	F(dup, MINUS_ONE)                                                                                              \
	F(dup2, MINUS_ONE)                                                                                             \
	F(dup3, MINUS_ONE)                                                                                             \
	F(epoll_create1, MINUS_ONE)                                                                                    \
	F(epoll_ctl, MINUS_ONE)                                                                                        \
	F(epoll_wait, MINUS_ONE)                                                                                       \
	F(eventfd, MINUS_ONE)                                                                                          \
	F(eventfd_read, MINUS_ONE)                                                                                     \
	F(eventfd_write, MINUS_ONE)                                                                                    \
	F(execve, MINUS_ONE)                                                                                           \
	F(execvpe, MINUS_ONE)                                                                                          \
	F(faccessat, MINUS_ONE)                                                                                        \
	F(fchdir, MINUS_ONE)                                                                                           \
	F(fchmod, MINUS_ONE)                                                                                           \
	F(fchmodat, MINUS_ONE)                                                                                         \
	F(fcntl, MINUS_ONE)                                                                                            \
	F(fcntl64, MINUS_ONE)                                                                                          \
	F(fdopen, NOTHING)                                                                                             \
	F(flock, MINUS_ONE)                                                                                            \
	F(fopen, NOTHING)                                                                                              \
	F(fopen64, NOTHING)                                                                                            \
	F(fork, MINUS_ONE)                                                                                             \
	F(fstat, MINUS_ONE)                                                                                            \
	F(fstatat, MINUS_ONE)                                                                                          \
	F(ftruncate, MINUS_ONE)                                                                                        \
	F(getcwd, NOTHING)                                                                                             \
	F(getpeername, MINUS_ONE)                                                                                      \
	F(getrandom, MINUS_ONE)                                                                                        \
	F(getrlimit, MINUS_ONE)                                                                                        \
	F(getrlimit64, MINUS_ONE)                                                                                      \
	F(getsockname, MINUS_ONE)                                                                                      \
	F(getsockopt, MINUS_ONE)                                                                                       \
	F(inotify_add_watch, MINUS_ONE)                                                                                \
	F(inotify_init1, MINUS_ONE)                                                                                    \
	F(ioctl, MINUS_ONE)                                                                                            \
	F(kill, MINUS_ONE)                                                                                             \
	F(link, MINUS_ONE)                                                                                             \
	F(listen, MINUS_ONE)                                                                                           \
	F(lseek, MINUS_ONE)                                                                                            \
	F(lseek64, MINUS_ONE)                                                                                          \
	F(lstat, MINUS_ONE)                                                                                            \
	F(memfd_create, MINUS_ONE)                                                                                     \
	F(mkdir, MINUS_ONE)                                                                                            \
	F(mmap, MINUS_ONE)                                                                                             \
	F(mmap64, MINUS_ONE)                                                                                           \
	F(mount, MINUS_ONE)                                                                                            \
	F(mprotect, MINUS_ONE)                                                                                         \
	F(open, MINUS_ONE)                                                                                             \
	F(open64, MINUS_ONE)                                                                                           \
	F(open_by_handle_at, MINUS_ONE)                                                                                \
	F(openat, MINUS_ONE)                                                                                           \
	F(opendir, NOTHING)                                                                                            \
	F(pidfd_open, MINUS_ONE)                                                                                       \
	F(pidfd_send_signal, MINUS_ONE)                                                                                \
	F(pipe, MINUS_ONE)                                                                                             \
	F(pipe2, MINUS_ONE)                                                                                            \
	F(poll, MINUS_ONE)                                                                                             \
	F(posix_spawnp, NUMBER)                                                                                        \
	F(prctl, MINUS_ONE)                                                                                            \
	F(pread, MINUS_ONE)                                                                                            \
	F(pthread_create, NUMBER)                                                                                      \
	F(pwrite, MINUS_ONE)                                                                                           \
	F(read, MINUS_ONE)                                                                                             \
	F(readdir, NOTHING)                                                                                            \
	F(readlink, MINUS_ONE)                                                                                         \
	F(readlinkat, MINUS_ONE)                                                                                       \
	F(realpath, NOTHING)                                                                                           \
	F(recv, MINUS_ONE)                                                                                             \
	F(recvfrom, MINUS_ONE)                                                                                         \
	F(recvmsg, MINUS_ONE)                                                                                          \
	F(rename, MINUS_ONE)                                                                                           \
	F(renameat, MINUS_ONE)                                                                                         \
	F(rmdir, MINUS_ONE)                                                                                            \
	F(send, MINUS_ONE)                                                                                             \
	F(sendmsg, MINUS_ONE)                                                                                          \
	F(sendto, MINUS_ONE)                                                                                           \
	F(setns, MINUS_ONE)                                                                                            \
	F(setpriority, MINUS_ONE)                                                                                      \
	F(setrlimit, MINUS_ONE)                                                                                        \
	F(setrlimit64, MINUS_ONE)                                                                                      \
	F(setsid, MINUS_ONE)                                                                                           \
	F(setsockopt, MINUS_ONE)                                                                                       \
	F(shutdown, MINUS_ONE)                                                                                         \
	F(signalfd, MINUS_ONE)                                                                                         \
	F(socket, MINUS_ONE)                                                                                           \
	F(socketpair, MINUS_ONE)                                                                                       \
	F(stat, MINUS_ONE)                                                                                             \
	F(statfs, MINUS_ONE)                                                                                           \
	F(statfs64, MINUS_ONE)                                                                                         \
	F(statx, MINUS_ONE)                                                                                            \
	F(timerfd_create, MINUS_ONE)                                                                                   \
	F(timerfd_settime, MINUS_ONE)                                                                                  \
	F(umount2, MINUS_ONE)                                                                                          \
	F(uname, MINUS_ONE)                                                                                            \
	F(unlink, MINUS_ONE)                                                                                           \
	F(unlinkat, MINUS_ONE)                                                                                         \
	F(unshare, MINUS_ONE)                                                                                          \
	F(waitpid, MINUS_ONE)                                                                                          \
	F(write, MINUS_ONE)                                                                                            \
	F(writev, MINUS_ONE)

enum {
#define SLOT(name, answer) SLOT_##name,
	FUNCTIONS(SLOT) SLOT_syscall,
	SLOT_close,
	SLOT_vfork,
	FUNCTION_COUNT
};

/* Read by the test, which loads this library too. */
const char *const faults_names[] = {
#define NAME(name, answer) #name,
	FUNCTIONS(NAME) "syscall", "close", "vfork", NULL};
const uint32_t faults_layout[] = {SLOTS, BPF_BASE, BPF_COMMANDS, SYSCALL_BASE};

typedef long (*function)(long, long, long, long, long, long, long);

static struct seam *seam;
static function real_functions[FUNCTION_COUNT];

static function real(int slot)
{
	if (!real_functions[slot])
		real_functions[slot] = (function)dlsym(RTLD_NEXT, faults_names[slot]);
	return real_functions[slot];
}

extern char *getenv(const char *);
extern char *program_invocation_short_name;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("STOCKADE_FAULTS");
	long file, memory;

	/* Looked up now: a child between vfork and exec must not ask the loader. */
	for (int slot = 0; slot < FUNCTION_COUNT; slot++)
		real(slot);
	if (!path || strcmp(program_invocation_short_name, "stockade"))
		return;
	file = real(SLOT_open)((long)path, O_RDWR_CLOEXEC, 0, 0, 0, 0, 0);
	memory = real(SLOT_mmap)(0, sizeof(*seam), PROT_READ_WRITE, MAP_SHARED_FILE, (int)file, 0, 0);
	real(SLOT_close)(file, 0, 0, 0, 0, 0, 0);
	if (memory != -1)
		seam = (struct seam *)memory;
}

/* Counts a call. Returns the error with which it must fail, or 0. */
static int next_error(unsigned int slot)
{
	uint32_t count;

	if (!seam || !__atomic_load_n(&seam->armed, __ATOMIC_ACQUIRE) || slot >= SLOTS)
		return 0;
	count = __atomic_add_fetch(&seam->counts[slot], 1, __ATOMIC_RELAXED);
	if (slot != seam->slot || count != seam->nth)
		return 0;
	__atomic_add_fetch(&seam->failed, 1, __ATOMIC_RELAXED);
	return seam->error;
}

static long fail(int error, enum answer answer)
{
	if (answer == NUMBER)
		return error;
	errno = error;
	return answer == NOTHING ? 0 : -1;
}

/* All arguments are in registers, whatever their types and however many there are, but for syscall's and clone's last:
 * what is passed on too much does no harm. */
#define FUNCTION(name, answer)                                                                                         \
	long name(long a, long b, long c, long d, long e, long f, long g)                                              \
	{                                                                                                              \
		int error = next_error(SLOT_##name);                                                                   \
                                                                                                                       \
		return error ? fail(error, answer) : real(SLOT_##name)(a, b, c, d, e, f, g);                           \
	}
#pragma GCC diagnostic ignored "-Wbuiltin-declaration-mismatch"
FUNCTIONS(FUNCTION)

long syscall(long number, long b, long c, long d, long e, long f, long g)
{
	int is_bpf = number == NR_BPF && b >= 0 && b < BPF_COMMANDS;
	int error = next_error(is_bpf ? BPF_BASE + b : SYSCALL_BASE + number);

	return error ? fail(error, MINUS_ONE) : real(SLOT_syscall)(number, b, c, d, e, f, g);
}

/* The one call that is done and then fails, as the kernel does it: the descriptor is gone in any case. */
long close(long file)
{
	int error = next_error(SLOT_close);
	long answer = real(SLOT_close)(file, 0, 0, 0, 0, 0, 0);

	return error ? fail(error, MINUS_ONE) : answer;
}

/* vfork returns twice, so that it must return to its caller and not to here. */
__attribute__((used)) static function next_vfork(void)
{
	int error = next_error(SLOT_vfork);

	if (error)
		errno = error;
	return error ? NULL : real(SLOT_vfork);
}

__asm__(".globl vfork\n"
	".type vfork, @function\n"
	"vfork:\n"
	"	sub $8, %rsp\n"
	"	call next_vfork\n"
	"	add $8, %rsp\n"
	"	test %rax, %rax\n"
	"	je 1f\n"
	"	jmp *%rax\n"
	"1:	mov $-1, %rax\n"
	"	ret\n");
