/* Sockets of families that a profile does not list. Families, types and protocols are the kernel's numbers. */
#include "attack.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		     4096
#define SOCKET_OF_SOCKETCALL 1
#define CALL_SOCKETCALL	     102

/* A socket of a family that this kernel may lack. */
static int made(long result)
{
	if (result < 0 && (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT))
		unavailable("no such family: %s", strerrorname_np(errno));
	return outcome(result);
}

int make_socket(const char *family)
{
	return made(socket(atoi(family), SOCK_SEQPACKET, 0));
}

/* FAMILY TYPE PROTOCOL */
static int plain(char **arguments)
{
	return made(socket(atoi(arguments[0]), atoi(arguments[1]), atoi(arguments[2])));
}

/* The kernel reads 32 bits of each argument, and a filter sees 64. */
static int wide(char **arguments)
{
	long high = 1l << 32;

	return made(
		syscall(SYS_socket, atoi(arguments[0]) | high, atoi(arguments[1]) | high, atoi(arguments[2]) | high));
}

/* FAMILY: no family that is tried makes pairs, which the kernel says once it has made both sockets. */
static int pair(char **arguments)
{
	int sockets[2];
	long result = socketpair(atoi(arguments[0]), SOCK_SEQPACKET, 0, sockets);

	return result < 0 && errno == EOPNOTSUPP ? ALLOWED : made(result);
}

static int by_ring(char **arguments)
{
	return made(ring_socket(atoi(arguments[0]), atoi(arguments[1]), atoi(arguments[2])));
}

#ifdef __x86_64__
/* The arguments of the 32-bit call are in memory, where no filter looks. Returns its errno. */
static int call_32(char **arguments)
{
	unsigned *words = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long result = CALL_SOCKETCALL;

	need(words == MAP_FAILED ? -1 : 0, "mmap");
	for (int index = 0; index < 3; index++)
		words[index] = (unsigned)atoi(arguments[index]);
	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 : "b"((long)SOCKET_OF_SOCKETCALL), "c"(words)
			 : "memory", "r8", "r9", "r10", "r11");
	result = (int)result;
	return result < 0 ? (int)-result : ALLOWED;
}
#endif

/* A call of an architecture that a filter does not name ends the process. */
static int by_32_bits(char **arguments)
{
#ifdef __x86_64__
	pid_t child = (pid_t)need(fork(), "fork");
	int status;

	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		_exit(call_32(arguments));
	}
	need(waitpid(child, &status, 0), "wait");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
		unavailable("no 32-bit calls");
	if (!WIFEXITED(status))
		return KILLED;
	errno = WEXITSTATUS(status);
	if (errno == ENOSYS)
		unavailable("no 32-bit calls");
	return errno ? made(-1) : ALLOWED;
#else
	(void)arguments;
	unavailable("no 32-bit calls");
#endif
}

const struct act socket_acts[] = {{"socket", 3, plain},	       {"socket-wide", 3, wide},     {"socket-pair", 1, pair},
				  {"socket-ring", 3, by_ring}, {"socket-32", 3, by_32_bits}, {NULL, 0, NULL}};
