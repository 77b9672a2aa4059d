/* dynamic: ends with the status of a program that ran; dynamic wait: was nothing preloaded? dynamic open LIBRARY */
#include <dlfcn.h>
#include <string.h>

#define RAN	   42
#define NOT_LOADED 43

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "open") == 0)
		dlopen(argv[2], RTLD_NOW);
	return argc > 1 ? NOT_LOADED : RAN;
}
