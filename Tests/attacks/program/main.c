/*
 * attack run "ACT [ARGUMENT...]"...   performs each in a process of its own and prints a line for each:
 *                                     its number, from 1, and `allowed`, `denied ERRNO`, `killed` or
 *                                     `unavailable WHY`, and of those that count `, THROUGH of TRIES`.
 *                                     Arguments are parted at spaces; %XX is a byte.
 * attack hook N ACT [ARGUMENT...]     performs one as the runtime's hook, and writes its line to hook-N where it begins
 * attack ran                          ends with the status that says so
 * attack own [deleted]                executes itself again as /proc/self/exe
 * attack read FILE                    ends with RAN if the file can be read, else with its errno
 * attack wait FILE                    waits until the file is there, which the act `create` makes
 * attack busy FILE PROGRAM [ARG...]   the same, and executes the program meanwhile, over and over, many at once
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_SECONDS	   60
#define ARGUMENTS_MAX	   8
#define REPORT_LENGTH	   256
#define PAUSE_MICROSECONDS 10000

static const struct act *const tables[] = {program_acts, library_acts, race_acts,   crowd_acts,	   mount_acts,
					   cgroup_acts,	 file_acts,    change_acts, kernel_acts,   process_acts,
					   network_acts, outside_acts, daemon_acts, innocent_acts, memory_acts,
					   hook_acts,	 forgery_acts, code_acts,   socket_acts};

/* Where the process that performs an act tells how it went. */
static int report = -1;

static unsigned counted_through, counted_tries;

void tell_count(unsigned through, unsigned tries)
{
	counted_through = through;
	counted_tries = tries;
}

_Noreturn void finish(const char *text)
{
	_exit(write(report, text, strlen(text)) < 0);
}

_Noreturn void unavailable(const char *format, ...)
{
	char text[REPORT_LENGTH];
	int length = snprintf(text, sizeof(text), "unavailable ");
	va_list values;

	va_start(values, format);
	vsnprintf(text + length, sizeof(text) - (size_t)length, format, values);
	va_end(values);
	finish(text);
}

long need(long result, const char *what)
{
	if (result < 0)
		unavailable("%s: %s", what, strerrorname_np(errno));
	return result;
}

int outcome(long result)
{
	return result < 0 ? errno : ALLOWED;
}

static const struct act *find(const char *name)
{
	for (size_t table = 0; table < sizeof(tables) / sizeof(*tables); table++)
		for (const struct act *act = tables[table]; act->name; act++)
			if (strcmp(act->name, name) == 0)
				return act;
	return NULL;
}

/* Replaces each %XX by its byte. */
static void decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		char digits[3] = {0};

		if (*text == '%' && text[1] && text[2]) {
			memcpy(digits, text + 1, 2);
			*to++ = (char)strtol(digits, NULL, 16);
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = 0;
}

static void perform(char *line)
{
	char *words[ARGUMENTS_MAX + 2] = {NULL};
	const struct act *act;
	int count = 0, result;

	for (char *word = strtok(line, " "); word && count <= ARGUMENTS_MAX; word = strtok(NULL, " ")) {
		decode(word);
		words[count++] = word;
	}
	act = count ? find(words[0]) : NULL;
	if (!act || count - 1 < act->arguments)
		unavailable("no such act, or too few arguments");
	result = act->perform(words + 1);
	if (result == ALLOWED)
		dprintf(report, "allowed");
	else if (result == KILLED)
		dprintf(report, "killed");
	else
		dprintf(report, "denied %s", strerrorname_np(result));
	if (counted_tries)
		dprintf(report, ", %u of %u", counted_through, counted_tries);
}

/* The act's process leads a group, which ends with it. */
static void attempt(int number, const char *line)
{
	char text[REPORT_LENGTH] = {0};
	int pipes[2], status;
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		exit(2);
	child = fork();
	if (child < 0) {
		printf("%d lost, fork: %s\n", number, strerrorname_np(errno));
		exit(2);
	}
	if (child == 0) {
		report = pipes[1];
		setpgid(0, 0);
		alarm(LIMIT_SECONDS);
		perform(strdup(line));
		_exit(0);
	}
	waitpid(child, &status, 0);
	kill(-child, SIGKILL);
	if (read(pipes[0], text, sizeof(text) - 1) <= 0)
		snprintf(text, sizeof(text),
			 WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? "killed" : "lost, wait status %#x",
			 status);
	printf("%d %s\n", number, text);
	fflush(stdout);
	close(pipes[0]);
	close(pipes[1]);
}

static int read_file(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY);

	return fd < 0 || read(fd, &byte, 1) < 0 ? errno : RAN;
}

static int wait_for(const char *path)
{
	while (access(path, F_OK))
		usleep(PAUSE_MICROSECONDS);
	return 0;
}

static int own(int deleted)
{
	char path[PATH_LENGTH] = {0};

	if (deleted && (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0 || unlink(path)))
		return 1;
	execl("/proc/self/exe", "attack", "ran", NULL);
	return errno == EACCES ? 126 : 1;
}

static int hook(int argc, char **argv)
{
	char path[PATH_LENGTH], line[PATH_LENGTH] = {0};

	for (int index = 3; index < argc; index++) {
		strncat(line, argv[index], sizeof(line) - strlen(line) - 2);
		strcat(line, " ");
	}
	snprintf(path, sizeof(path), "hook-%s", argv[2]);
	if (!freopen(path, "w", stdout))
		return 1;
	attempt(atoi(argv[2]), line);
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	umask(0);
	if (argc >= 2 && strcmp(argv[1], "ran") == 0)
		return RAN;
	if (argc >= 2 && strcmp(argv[1], "own") == 0)
		return own(argc > 2);
	if (argc == 3 && strcmp(argv[1], "read") == 0)
		return read_file(argv[2]);
	if (argc == 3 && strcmp(argv[1], "wait") == 0)
		return wait_for(argv[2]);
	if (argc >= 4 && strcmp(argv[1], "busy") == 0)
		return busy_until(argv[2], argv + 3);
	if (argc >= 4 && strcmp(argv[1], "hook") == 0)
		return hook(argc, argv);
	if (argc < 3 || strcmp(argv[1], "run") != 0) {
		fputs("usage: attack run \"ACT [ARGUMENT...]\"...\n", stderr);
		return 2;
	}
	for (int index = 2; index < argc; index++)
		attempt(index - 1, argv[index]);
	return 0;
}
