#include "CSeccomp.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

int stockade_open_beneath(int folder, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, folder, name, &how, sizeof(how));
}

int stockade_memory_file(void)
{
	return (int)syscall(SYS_memfd_create, "filter", MFD_CLOEXEC);
}
