/* A library that says that it was loaded: the program ends with the status for that. */
#include <unistd.h>

__attribute__((constructor)) static void loaded(void)
{
	_exit(42);
}
