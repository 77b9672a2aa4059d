/* What of the kernel a container rarely needs and an attacker often does. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A call with arguments that the kernel refuses by `harmless` once it may be made at all. */
static int but(long result, int harmless)
{
	return result < 0 && errno == harmless ? ALLOWED : outcome(result);
}

static int mount_tmpfs(char **arguments)
{
	(void)arguments;
	make_folder("/tmp/mounted");
	return outcome(mount("none", "/tmp/mounted", "tmpfs", 0, NULL));
}

static int mount_proc(char **arguments)
{
	(void)arguments;
	make_folder("/tmp/mounted");
	return outcome(mount("proc", "/tmp/mounted", "proc", 0, NULL));
}

static int mount_bind(char **arguments)
{
	(void)arguments;
	make_folder("/tmp/mounted");
	return outcome(mount("/opt", "/tmp/mounted", NULL, MS_BIND, NULL));
}

static int remount(char **arguments)
{
	(void)arguments;
	return outcome(mount(NULL, "/vol", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int propagation(char **arguments)
{
	(void)arguments;
	return outcome(mount(NULL, "/vol", NULL, MS_PRIVATE, NULL));
}

/* A mount into itself. */
static int mount_move(char **arguments)
{
	(void)arguments;
	make_folder("/tmp/mounted");
	return but(mount("/", "/tmp/mounted", NULL, MS_MOVE, NULL), ELOOP);
}

static int move_mount_new(char **arguments)
{
	(void)arguments;
	make_folder("/tmp/mounted");
	return but(syscall(SYS_move_mount, AT_FDCWD, "/", AT_FDCWD, "/tmp/mounted", 0), ELOOP);
}

static int new_file_system(char **arguments)
{
	int context = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);

	(void)arguments;
	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return errno;
	return outcome(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0));
}

static int clone_tree(char **arguments)
{
	(void)arguments;
	return outcome(syscall(SYS_open_tree, AT_FDCWD, "/opt", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

static int pivot(char **arguments)
{
	(void)arguments;
	/* Within the mount that is the root already. */
	return but(syscall(SYS_pivot_root, "/opt", "/opt"), EBUSY);
}

static int unmount(char **arguments)
{
	(void)arguments;
	return outcome(umount2("/dev/mqueue", MNT_DETACH));
}

static int unshare_user(char **arguments)
{
	(void)arguments;
	return outcome(unshare(CLONE_NEWUSER));
}

static int clone_user(char **arguments)
{
	long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);

	(void)arguments;
	if (child == 0)
		_exit(0);
	return outcome(child);
}

static int make_map(char **arguments)
{
	union bpf_attr attributes = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	(void)arguments;
	return outcome(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)));
}

static int load_program(char **arguments)
{
	const struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				     .insns = (unsigned long)code,
				     .insn_cnt = 2,
				     .license = (unsigned long)"GPL"};

	(void)arguments;
	return outcome(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)));
}

static int make_ring(char **arguments)
{
	struct io_uring_params parameters = {0};

	(void)arguments;
	return outcome(syscall(SYS_io_uring_setup, 1, &parameters));
}

static int packet_socket(char **arguments)
{
	(void)arguments;
	return outcome(socket(AF_PACKET, SOCK_RAW, 0));
}

static int raw_socket(char **arguments)
{
	(void)arguments;
	return outcome(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static int raw_socket_6(char **arguments)
{
	(void)arguments;
	return outcome(socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
}

static int unless_missing(long result)
{
	if (result < 0 && errno == ENOSYS)
		unavailable("the kernel has no such call");
	return but(result, ENOEXEC);
}

static int load_module(char **arguments)
{
	/* Long enough to be looked at. */
	static const char nothing[4096];

	(void)arguments;
	return unless_missing(syscall(SYS_init_module, nothing, sizeof(nothing), ""));
}

static int load_module_file(char **arguments)
{
	(void)arguments;
	return unless_missing(syscall(SYS_finit_module, (int)need(open("/etc/passwd", O_RDONLY), "open"), "", 0));
}

/* What is not loaded. */
static int delete_module(char **arguments)
{
	long result = syscall(SYS_delete_module, "attack", O_NONBLOCK);

	(void)arguments;
	if (result < 0 && errno == ENOSYS)
		unavailable("the kernel has no such call");
	return but(result, ENOENT);
}

/* Unloads what was never loaded. */
static int load_kernel(char **arguments)
{
	(void)arguments;
	return unless_missing(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

static int load_kernel_file(char **arguments)
{
	int file = (int)need(open("/etc/passwd", O_RDONLY), "open");

	(void)arguments;
	return unless_missing(syscall(SYS_kexec_file_load, file, file, 1, "", 0));
}

static int add_key(char **arguments)
{
	(void)arguments;
	return outcome(syscall(SYS_add_key, "user", "attack", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

static int control_keys(char **arguments)
{
	(void)arguments;
	return outcome(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "attack"));
}

static int measure(char **arguments)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes), .config = PERF_COUNT_SW_CPU_CLOCK};

	(void)arguments;
	return outcome(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

static int map_code(char **arguments)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arguments;
	return outcome(memory == MAP_FAILED ? -1 : 0);
}

static int protect_code(char **arguments)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arguments;
	need(memory == MAP_FAILED ? -1 : 0, "mmap");
	*(char *)memory = 0;
	return outcome(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}

const struct act kernel_acts[] = {{"mount-tmpfs", 0, mount_tmpfs},
				  {"mount-proc", 0, mount_proc},
				  {"mount-bind", 0, mount_bind},
				  {"remount", 0, remount},
				  {"propagation", 0, propagation},
				  {"mount-move", 0, mount_move},
				  {"move-mount", 0, move_mount_new},
				  {"fsmount", 0, new_file_system},
				  {"open-tree", 0, clone_tree},
				  {"pivot-root", 0, pivot},
				  {"umount", 0, unmount},
				  {"unshare-user", 0, unshare_user},
				  {"clone-user", 0, clone_user},
				  {"bpf-map", 0, make_map},
				  {"bpf-program", 0, load_program},
				  {"io-uring", 0, make_ring},
				  {"packet-socket", 0, packet_socket},
				  {"raw-socket", 0, raw_socket},
				  {"raw-socket-6", 0, raw_socket_6},
				  {"init-module", 0, load_module},
				  {"finit-module", 0, load_module_file},
				  {"delete-module", 0, delete_module},
				  {"kexec", 0, load_kernel},
				  {"kexec-file", 0, load_kernel_file},
				  {"add-key", 0, add_key},
				  {"keyctl", 0, control_keys},
				  {"perf-event", 0, measure},
				  {"map-code", 0, map_code},
				  {"protect-code", 0, protect_code},
				  {NULL, 0, NULL}};
