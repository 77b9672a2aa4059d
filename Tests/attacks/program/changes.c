/* Ways to change a file, or the tree that it lies in. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static int open_for_writing(char **arguments)
{
	return outcome(open(arguments[0], O_WRONLY));
}

static int append(char **arguments)
{
	return outcome(open(arguments[0], O_WRONLY | O_APPEND));
}

static int create(char **arguments)
{
	return outcome(open(arguments[0], O_WRONLY | O_CREAT, 0644));
}

static int empty(char **arguments)
{
	return outcome(truncate(arguments[0], 0));
}

static int empty_by_open(char **arguments)
{
	return outcome(open(arguments[0], O_RDONLY | O_TRUNC));
}

static int delete (char **arguments)
{
	return outcome(unlink(arguments[0]));
}

static int move(char **arguments)
{
	return outcome(rename(arguments[0], arguments[1]));
}

static int exchange(char **arguments)
{
	return outcome(renameat2(AT_FDCWD, arguments[0], AT_FDCWD, arguments[1], RENAME_EXCHANGE));
}

static int exchange_own(char **arguments)
{
	make_folder(arguments[0]);
	return exchange(arguments);
}

static int hard_link(char **arguments)
{
	return outcome(link(arguments[0], arguments[1]));
}

static int soft_link(char **arguments)
{
	return outcome(symlink(arguments[0], arguments[1]));
}

static int mode(char **arguments)
{
	return outcome(chmod(arguments[0], 0777));
}

static int mode_by_descriptor(char **arguments)
{
	char path[PATH_LENGTH];

	snprintf(path, sizeof(path), "/proc/self/fd/%ld", need(open(arguments[0], O_PATH), "O_PATH"));
	return outcome(chmod(path, 0777));
}

static int owner(char **arguments)
{
	return outcome(chown(arguments[0], 1000, 1000));
}

static int times(char **arguments)
{
	return outcome(utimensat(AT_FDCWD, arguments[0], NULL, 0));
}

static int attribute(char **arguments)
{
	return outcome(setxattr(arguments[0], "trusted.attack", "1", 1, 0));
}

static int node(char **arguments)
{
	return outcome(mknod(arguments[0], S_IFIFO | 0666, 0));
}

static int make(char **arguments)
{
	return outcome(mkdir(arguments[0], 0755));
}

static int remove_folder(char **arguments)
{
	return outcome(rmdir(arguments[0]));
}

const struct act change_acts[] = {{"write", 1, open_for_writing},
				  {"append", 1, append},
				  {"create", 1, create},
				  {"truncate", 1, empty},
				  {"truncate-open", 1, empty_by_open},
				  {"unlink", 1, delete},
				  {"move", 2, move},
				  {"exchange", 2, exchange},
				  {"exchange-own", 2, exchange_own},
				  {"link", 2, hard_link},
				  {"make-symlink", 2, soft_link},
				  {"chmod", 1, mode},
				  {"chmod-descriptor", 1, mode_by_descriptor},
				  {"chown", 1, owner},
				  {"utimes", 1, times},
				  {"setxattr", 1, attribute},
				  {"mknod", 1, node},
				  {"mkdir", 1, make},
				  {"rmdir", 1, remove_folder},
				  {NULL, 0, NULL}};
