/* What protects a policy must not be reached from within. */
#include "attack.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Opens every BPF object of a kind by its number; the policy's are among them. */
static int open_all(int next, int open)
{
	union bpf_attr attributes = {0};
	unsigned number = 0;
	int found = 0;

	for (;;) {
		memset(&attributes, 0, sizeof(attributes));
		attributes.start_id = number;
		if (syscall(SYS_bpf, next, &attributes, sizeof(attributes)))
			break;
		number = attributes.next_id;
		memset(&attributes, 0, sizeof(attributes));
		attributes.map_id = number;
		if (syscall(SYS_bpf, open, &attributes, sizeof(attributes)) < 0 && errno != ENOENT)
			return errno;
		found++;
	}
	if (found == 0)
		unavailable("there is none: %s", strerrorname_np(errno));
	return ALLOWED;
}

static int open_maps(char **arguments)
{
	(void)arguments;
	return open_all(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID);
}

static int open_programs(char **arguments)
{
	(void)arguments;
	return open_all(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID);
}

static int is_daemon(const char *name)
{
	char path[PATH_LENGTH], text[16] = {0};
	FILE *file;

	if (!isdigit((unsigned char)*name))
		return 0;
	snprintf(path, sizeof(path), "/proc/%s/comm", name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	(void)!fgets(text, sizeof(text), file);
	fclose(file);
	return strcmp(text, "stockade\n") == 0;
}

static pid_t daemon_process(void)
{
	DIR *folder = opendir("/proc");
	pid_t found = 0;

	for (struct dirent *entry; folder && !found && (entry = readdir(folder));)
		if (is_daemon(entry->d_name))
			found = atoi(entry->d_name);
	if (!found)
		unavailable("no daemon is seen");
	return found;
}

/* Signal 0 is a question, which the kernel answers as it would treat another. */
static int signal_daemon(char **arguments)
{
	(void)arguments;
	return outcome(kill(daemon_process(), 0));
}

static int trace_daemon(char **arguments)
{
	(void)arguments;
	return outcome(ptrace(PTRACE_SEIZE, daemon_process(), NULL, NULL));
}

/* A map of the policy, where its container sees what the daemon pinned. */
static const char *pin(void)
{
	static glob_t found;

	if (glob("/pins/*/bpf/stockade/containers", 0, NULL, &found))
		unavailable("no pin is seen");
	return found.gl_pathv[0];
}

static int open_pin(char **arguments)
{
	(void)arguments;
	return outcome(open(pin(), O_RDONLY | O_CLOEXEC));
}

static int change_pin(char **arguments)
{
	(void)arguments;
	return outcome(chmod(pin(), 0777));
}

/* A socket in the daemon's folder, where its container sees that folder. */
static int connect_daemon(char **arguments)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (descriptor < 0)
		unavailable("socket: %s", strerrorname_np(errno));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", arguments[0]);
	return outcome(connect(descriptor, (struct sockaddr *)&address, sizeof(address)));
}

const struct act daemon_acts[] = {{"bpf-open-maps", 0, open_maps},
				  {"bpf-open-programs", 0, open_programs},
				  {"signal-daemon", 0, signal_daemon},
				  {"trace-daemon", 0, trace_daemon},
				  {"open-pin", 0, open_pin},
				  {"change-pin", 0, change_pin},
				  {"connect-daemon", 1, connect_daemon},
				  {NULL, 0, NULL}};
