#pragma once
#include <unistd.h>

/*
 * In a forked child: closes all but the standard streams and these two, which may be one. A file that another thread of
 * the parent writes, or a lock that it holds, must not stay open for as long as the child lives.
 */
static inline void close_all_but(int a, int b)
{
	int first = a < b ? a : b, last = a < b ? b : a;

	if (first > 3)
		close_range(3, first - 1, 0);
	if (last > first + 1)
		close_range(first + 1, last - 1, 0);
	close_range(last + 1, ~0u, 0);
}
