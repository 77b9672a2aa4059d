/* Code that is loaded into a program instead of being executed. */
#include "attack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOADER	"/lib64/ld-linux-x86-64.so.2"
#define DYNAMIC "/opt/dynamic"
#define LIBRARY "/opt/library.so"

static void copy_unless_there(const char *from, const char *to)
{
	if (strcmp(from, to) != 0)
		copy_file(from, to);
}

/* PROGRAM, which is a copy of a dynamic one unless it is there. */
static int by_loader(char **arguments)
{
	char *const list[] = {LOADER, arguments[0], NULL};

	if (access(arguments[0], F_OK))
		copy_file(DYNAMIC, arguments[0]);
	return run_with(LOADER, list, environ);
}

/* LIBRARY: its constructor says that it was loaded. */
static int preloaded(char **arguments)
{
	char variable[PATH_LENGTH];
	char *const list[] = {DYNAMIC, "wait", NULL}, *const environment[] = {variable, NULL};

	copy_unless_there(LIBRARY, arguments[0]);
	snprintf(variable, sizeof(variable), "LD_PRELOAD=%s", arguments[0]);
	return run_with(DYNAMIC, list, environment);
}

static int opened(char **arguments)
{
	char *const list[] = {DYNAMIC, "open", arguments[0], NULL};

	copy_unless_there(LIBRARY, arguments[0]);
	return run_with(DYNAMIC, list, environ);
}

static int mapped_as_it_is(char **arguments)
{
	int file = (int)need(open(arguments[0], O_RDONLY), "open");

	return outcome(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED ? -1 : 0);
}

static int mapped(char **arguments)
{
	copy_unless_there(LIBRARY, arguments[0]);
	return mapped_as_it_is(arguments);
}

static int protected(char **arguments)
{
	void *memory;
	int file;

	copy_unless_there(LIBRARY, arguments[0]);
	file = (int)need(open(arguments[0], O_RDONLY), "open");
	memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
	need(memory == MAP_FAILED ? -1 : 0, "mmap");
	return outcome(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}

const struct act library_acts[] = {
	{"loader", 1, by_loader},   {"preload", 1, preloaded},		 {"dlopen", 1, opened}, {"map", 1, mapped},
	{"mprotect", 1, protected}, {"map-program", 1, mapped_as_it_is}, {NULL, 0, NULL}};
