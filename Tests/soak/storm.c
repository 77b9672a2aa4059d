/*
 * Executes itself so many times, one after the other, with an argument of so many bytes: storm TIMES BYTES. Each of
 * these ends at once.
 */
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

int main(int count, char **arguments)
{
	char *own[] = {arguments[0], NULL, NULL};
	size_t bytes;

	if (count != 3)
		return 0;
	bytes = strtoul(arguments[2], NULL, 10);
	own[1] = calloc(bytes + 1, 1);
	if (!own[1])
		return 1;
	/* In JSON a control character takes six bytes. */
	memset(own[1], 1, bytes);
	for (long left = strtol(arguments[1], NULL, 10); left > 0; left--) {
		int status;
		pid_t child;

		if (posix_spawn(&child, own[0], NULL, NULL, own, NULL))
			return 1;
		if (waitpid(child, &status, 0) != child || status)
			return 1;
	}
	return 0;
}
