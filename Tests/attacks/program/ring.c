/* io_uring, by hand: one operation at a time, done by a worker of the kernel's. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *map_ring(int ring, size_t length, off_t offset)
{
	char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, ring, offset);

	need(memory == MAP_FAILED ? -1 : 0, "map the ring");
	return memory;
}

/* Submits one entry and returns its result, as a system call would. */
static int submit(const struct io_uring_sqe *entry)
{
	struct io_uring_params parameters = {0};
	int ring = (int)need(syscall(SYS_io_uring_setup, 1, &parameters), "io_uring_setup"), result;
	size_t length = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
	char *submissions = map_ring(ring, parameters.sq_off.array + sizeof(unsigned), IORING_OFF_SQ_RING);
	char *completions = map_ring(ring, length, IORING_OFF_CQ_RING);
	char *entries = map_ring(ring, sizeof(*entry), IORING_OFF_SQES);

	memcpy(entries, entry, sizeof(*entry));
	*(unsigned *)(submissions + parameters.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(submissions + parameters.sq_off.tail), 1, __ATOMIC_RELEASE);
	need(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), "io_uring_enter");
	result = ((struct io_uring_cqe *)(completions + parameters.cq_off.cqes))->res;
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

int ring_open(const char *path)
{
	/* IOSQE_ASYNC: not tried by ourselves first. */
	struct io_uring_sqe entry = {.opcode = IORING_OP_OPENAT,
				     .flags = IOSQE_ASYNC,
				     .fd = AT_FDCWD,
				     .addr = (unsigned long)path,
				     .open_flags = O_RDONLY};

	return submit(&entry);
}

int ring_connect(int socket, const struct sockaddr *address, unsigned length)
{
	struct io_uring_sqe entry = {.opcode = IORING_OP_CONNECT,
				     .flags = IOSQE_ASYNC,
				     .fd = socket,
				     .addr = (unsigned long)address,
				     .off = length};

	return submit(&entry);
}

int ring_socket(int family, int type, int protocol)
{
	struct io_uring_sqe entry = {
		.opcode = IORING_OP_SOCKET, .flags = IOSQE_ASYNC, .fd = family, .off = type, .len = protocol};

	return submit(&entry);
}
