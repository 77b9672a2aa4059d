/*
 * Attacks on a container's policy, and what their outcome is. An act is a function that does what an attacker in a
 * container would do, and returns ALLOWED, KILLED or the errno that it was denied with.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <stddef.h>

enum { ALLOWED = 0, KILLED = -1 };

/* The exit status of a program that ran, although it should perhaps not have. */
#define RAN 42
/* The exit status of a program that was to load a library and could not. */
#define NOT_LOADED 43

#define PATH_LENGTH 4096

struct act {
	const char *name;
	int arguments; /* as many as it takes */
	int (*perform)(char **arguments);
};

/* Each ends with an act without a name. */
extern const struct act program_acts[], library_acts[], race_acts[], crowd_acts[], mount_acts[], cgroup_acts[],
	file_acts[], change_acts[], kernel_acts[], process_acts[], network_acts[], outside_acts[], daemon_acts[],
	innocent_acts[], memory_acts[], hook_acts[], forgery_acts[], code_acts[], socket_acts[];

/* The act cannot be tried here: ends the process with that, and why. */
_Noreturn void unavailable(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the process that performs an act with an outcome that somebody else found. */
_Noreturn void finish(const char *text);

/* How many of those that an act tried came through: told beside its outcome. */
void tell_count(unsigned through, unsigned tries);

/* `result`, if it is no failure; else the act is unavailable, since `what` failed. */
long need(long result, const char *what);

/* `result` of a system call as an outcome. */
int outcome(long result);

/* Runs a program in a child and tells whether it ran. */
int run(const char *path);
int run_with(const char *path, char *const arguments[], char *const environment[]);
/* By execveat(2); an empty `path` is the file `folder` itself. */
int run_at(int folder, const char *path, char *const arguments[]);
/* Calls `start` in a child, which is to execute a program, and returns an errno if it did not. */
int run_by(int (*start)(void *context), void *context);

/* A copy that may be executed, in folders that are made. */
void copy_file(const char *from, const char *to);
void copy_to_descriptor(const char *from, int to);
void make_folders_of(const char *path);
void make_folder(const char *path);

/* A copy of what is executed by those acts that bring their own program. */
#define BENIGN "/opt/allowed"

/* Opens by io_uring; -1 with errno where that fails. Ends the act where there is no io_uring. */
int ring_open(const char *path);
/* A connect(2) by io_uring; as that returns. */
struct sockaddr;
int ring_connect(int socket, const struct sockaddr *address, unsigned length);
/* A socket(2) by io_uring; as that returns. */
int ring_socket(int family, int type, int protocol);

/* What becomes of a socket of this family, which the kernel may lack. */
int make_socket(const char *family);
/* Writes code by a descriptor of /proc/PID/mem of our own, and executes it. */
int overwrite_by(int memory);

/* Executes `words` over and over, many at once, until `file` is there; not 0 if one of them did not run. */
int busy_until(const char *file, char **words);

/* Becomes root of a new user namespace with a mount namespace of its own. */
void enter_user_namespace(void);
/* A mount namespace of our own, of which nothing is seen elsewhere. */
void enter_mount_namespace(void);

#endif
