/*
 * floors OBJECT PREFIX CGROUP: loads the programs of the object whose names begin with the prefix, attaches them, those
 * of cgroups to that cgroup, says `ready`, and ends when standard input ends.
 */
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int is_of_cgroup(const struct bpf_program *program)
{
	return strncmp(bpf_program__section_name(program), "cgroup", strlen("cgroup")) == 0;
}

int main(int argc, char **argv)
{
	struct bpf_program *program;
	struct bpf_object *object;
	int cgroup;
	char byte;

	if (argc != 4)
		return 2;
	cgroup = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup < 0)
		fail(argv[3]);
	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		fail(argv[1]);
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, strncmp(bpf_program__name(program), argv[2], strlen(argv[2])) == 0);
	if (bpf_object__load(object))
		fail("load");
	bpf_object__for_each_program(program, object)
	{
		struct bpf_link *link;

		if (!bpf_program__autoload(program))
			continue;
		link = is_of_cgroup(program) ? bpf_program__attach_cgroup(program, cgroup)
					     : bpf_program__attach(program);
		if (!link)
			fail(bpf_program__name(program));
	}
	puts("ready");
	fflush(stdout);
	return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
}
