/* Ends with STATUS, or, compiled to LISTEN, only if an argument says "evil": otherwise with OTHER. */
#include <string.h>

#define RAN   42
#define OTHER 7

int main(int argc, char **argv)
{
#ifdef LISTEN
	for (int index = 1; index < argc; index++)
		if (strcmp(argv[index], "evil") == 0)
			return RAN;
	return OTHER;
#else
	(void)argc;
	(void)argv;
	return STATUS;
#endif
}
