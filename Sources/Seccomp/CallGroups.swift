/// Calls that do the same thing in another form. Which of them a program makes depends on the C library, on the kernel
/// and on chance: the time is read without a call where the clock allows that, and with one elsewhere.
package enum CallGroups {
  /// What reaches nothing outside the process, and what any run may need.
  private static let always = RuntimeDefaultCalls.words(
    """
    clock_getres clock_gettime clock_nanosleep futex getcpu gettid gettimeofday madvise mremap nanosleep
    rt_sigpending rt_sigtimedwait sched_yield sigaltstack time times
    """)

  /// None of a group gives more than the others: it is about the same objects, with the same rights.
  private static let groups = [
    "read readv pread64 preadv preadv2", "write writev pwrite64 pwritev pwritev2", "open openat",
    "stat lstat fstat newfstatat statx", "access faccessat faccessat2", "readlink readlinkat", "getdents getdents64",
    "poll ppoll select pselect6", "epoll_create epoll_create1", "epoll_wait epoll_pwait epoll_pwait2",
    "eventfd eventfd2", "signalfd signalfd4", "inotify_init inotify_init1", "pipe pipe2", "dup dup2 dup3",
    "accept accept4", "recvfrom recvmsg recvmmsg", "sendto sendmsg sendmmsg", "wait4 waitid", "kill tgkill tkill",
    "getpid getppid getpgrp", "getuid geteuid getgid getegid getgroups getresuid getresgid", "mkdir mkdirat",
    "unlink unlinkat rmdir", "rename renameat renameat2", "link linkat", "symlink symlinkat", "chmod fchmod fchmodat",
    "chown fchown lchown fchownat", "utime utimes utimensat futimesat", "truncate ftruncate fallocate",
    "fsync fdatasync sync_file_range msync", "getrlimit prlimit64", "sendfile splice tee copy_file_range",
    "alarm setitimer getitimer", "fork vfork",
  ].map(RuntimeDefaultCalls.words)

  /// The calls, and those that stand for them in another run.
  package static func completed(_ made: Set<String>) -> Set<String> {
    groups.filter { !made.isDisjoint(with: $0) }.reduce(made.union(always)) { $0.union($1) }
  }
}
