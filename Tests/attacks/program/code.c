/* Code that no file holds: each act gets some of it into memory, and executes it. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	 4096
#define QUESTION 0xffffffffu

/* Returns RAN. */
#ifdef __x86_64__
static const unsigned char code[8] = {0xb8, RAN, 0, 0, 0, 0xc3, 0x90, 0x90};
#else
static const unsigned char code[8] = {0x40, 5, 0x80, 0x52, 0xc0, 3, 0x5f, 0xd6};
#endif

/* What is overwritten by acts that write code which is there. */
__attribute__((noinline, aligned(16))) static int overwritten(void)
{
	__asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop");
	return 0;
}

static void put_code(void *memory)
{
	memcpy(memory, code, sizeof(code));
	__builtin___clear_cache((char *)memory, (char *)memory + sizeof(code));
}

static int execute(const void *memory)
{
	int (*function)(void);

	memcpy(&function, &memory, sizeof(function));
	if (function() != RAN)
		unavailable("the code is another");
	return ALLOWED;
}

/* MAP_FAILED ends the act with the errno. */
#define MAPPED(memory)                                                                                                 \
	do {                                                                                                           \
		if ((memory) == MAP_FAILED)                                                                            \
			return errno;                                                                                  \
	} while (0)

static int implied(char **arguments)
{
	char *end;

	(void)arguments;
	if (personality((unsigned)personality(QUESTION) | READ_IMPLIES_EXEC) < 0)
		return errno;
	end = sbrk(0);
	end += -(unsigned long)end % PAGE;
	need(brk(end + PAGE), "brk");
	put_code(end);
	return execute(end);
}

static int ask_personality(char **arguments)
{
	(void)arguments;
	return outcome(personality(QUESTION));
}

/* Two views of the same memory, of which one is executed and the other is written. */
static int shared_zero(char **arguments)
{
	int zero = (int)need(open("/dev/zero", O_RDWR | O_CLOEXEC), "/dev/zero");
	char *first = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, zero, 0), *second;

	(void)arguments;
	MAPPED(first);
	second = mremap(first, 0, PAGE, MREMAP_MAYMOVE);
	MAPPED(second);
	if (mprotect(second, PAGE, PROT_READ | PROT_WRITE))
		return errno;
	put_code(second);
	return execute(first);
}

/* Fills a page that cannot be written, where the kernel asks for one. */
static int fill(char *memory)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register area = {.range = {(unsigned long)memory, PAGE}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	struct uffdio_copy copy = {.dst = (unsigned long)memory, .src = (unsigned long)page, .len = PAGE};
	int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (faults < 0 && errno == ENOSYS)
		unavailable("userfaultfd: ENOSYS");
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &area))
		return errno;
	put_code(page);
	if (ioctl(faults, UFFDIO_COPY, &copy)) {
		/* Some kernels do so in private pages of /dev/zero. */
		if (errno == EFAULT)
			unavailable("userfaultfd: EFAULT");
		return errno;
	}
	return execute(memory);
}

static int private_zero(char **arguments)
{
	int zero = (int)need(open("/dev/zero", O_RDONLY | O_CLOEXEC), "/dev/zero");
	char *memory = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, zero, 0);

	(void)arguments;
	MAPPED(memory);
	return fill(memory);
}

/* A file of one page; all of it is zero. */
static int new_file(const char *path)
{
	int file = (int)need(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0755), path);

	need(ftruncate(file, PAGE), "truncate");
	return file;
}

/* FILE, on a tmpfs. Nothing is written to it. */
static int filled_file(char **arguments)
{
	char *memory = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, new_file(arguments[0]), 0);

	MAPPED(memory);
	return fill(memory);
}

/* FILE: executed, and written by another descriptor. */
static int written_file(char **arguments)
{
	char *memory = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, new_file(arguments[0]), 0);

	MAPPED(memory);
	need(pwrite((int)need(open(arguments[0], O_WRONLY | O_CLOEXEC), "open"), code, sizeof(code), 0), "write");
	return execute(memory);
}

/* FILE: executed, and written by another mapping. */
static int shared_file(char **arguments)
{
	int file = new_file(arguments[0]);
	char *first = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
	char *second = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	MAPPED(first);
	MAPPED(second);
	put_code(second);
	return execute(first);
}

static int memory_file(char **arguments)
{
	int file = (int)need(memfd_create("code", MFD_CLOEXEC), "memfd_create");
	char *memory;

	(void)arguments;
	need(ftruncate(file, PAGE), "truncate");
	need(pwrite(file, code, sizeof(code), 0), "write");
	memory = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
	MAPPED(memory);
	return execute(memory);
}

static int shared_memory(char **arguments)
{
	int id = (int)need(shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0700), "shmget"), error;
	char *first = shmat(id, NULL, 0), *second = shmat(id, NULL, SHM_EXEC | SHM_RDONLY);

	(void)arguments;
	error = errno;
	shmctl(id, IPC_RMID, NULL);
	if (second == MAP_FAILED)
		return error;
	MAPPED(first);
	put_code(first);
	return execute(second);
}

static int poked_child(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		return errno;
	raise(SIGSTOP);
	return overwritten();
}

/* By the debugger of one's own child. */
static int poke(char **arguments)
{
	pid_t child = (pid_t)need(fork(), "fork");
	int status;
	long word;

	(void)arguments;
	if (child == 0)
		_exit(poked_child());
	need(waitpid(child, &status, WUNTRACED), "wait");
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	memcpy(&word, code, sizeof(word));
	if (ptrace(PTRACE_POKETEXT, child, overwritten, word))
		return errno;
	ptrace(PTRACE_CONT, child, NULL, NULL);
	need(waitpid(child, &status, 0), "wait");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != RAN)
		unavailable("the code is another");
	return ALLOWED;
}

int overwrite_by(int memory)
{
	if (pwrite(memory, code, sizeof(code), (off_t)(unsigned long)overwritten) < 0) {
		/* Since Linux 6.12 a kernel may be built so that this takes a debugger. */
		if (errno == EIO)
			unavailable("write to code: EIO");
		return errno;
	}
	return execute(overwritten);
}

/* FILE: /proc/PID/mem of our own. */
static int own_memory(char **arguments)
{
	int memory = open(arguments[0], O_RDWR | O_CLOEXEC);

	return memory < 0 ? errno : overwrite_by(memory);
}

static int thread_memory(char **arguments)
{
	char path[64], *list[] = {path};

	(void)arguments;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/mem", getpid(), gettid());
	return own_memory(list);
}

const struct act code_acts[] = {{"code-implied", 0, implied},
				{"ask-personality", 0, ask_personality},
				{"code-shared-zero", 0, shared_zero},
				{"code-private-zero", 0, private_zero},
				{"code-filled-file", 1, filled_file},
				{"code-written-file", 1, written_file},
				{"code-shared-file", 1, shared_file},
				{"code-memfd", 0, memory_file},
				{"code-shm", 0, shared_memory},
				{"code-poke", 0, poke},
				{"code-memory", 1, own_memory},
				{"code-thread-memory", 0, thread_memory},
				{NULL, 0, NULL}};
