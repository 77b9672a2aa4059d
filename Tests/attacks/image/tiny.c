/*
 * Ends with the status of a program that ran, in its first three instructions: what is to keep it from that must come
 * before them.
 */
#define RAN 42

_Noreturn void _start(void)
{
#if defined(__x86_64__)
	__asm__ volatile("syscall" : : "a"(231), "D"(RAN)); /* exit_group */
#elif defined(__aarch64__)
	__asm__ volatile("mov x0, %0\n\tmov x8, 94\n\tsvc 0" : : "i"(RAN) : "x0", "x8");
#else
#error "which system call is exit_group here?"
#endif
	__builtin_unreachable();
}
