/// The calls that every container may make, whatever its capabilities.
enum RuntimeDefaultCalls {
  static let groups = [
    files, fileAttributes, descriptors, polling, memory, processes, signals, identity, scheduling, clocks, sockets,
    messages, node,
  ]

  private static let files = words(
    """
    access cachestat chdir creat faccessat faccessat2 fchdir fstat fstat64 fstatat64 fstatfs fstatfs64 ftruncate
    ftruncate64 getcwd getdents getdents64 link linkat listmount lstat lstat64 mkdir mkdirat mknod mknodat
    name_to_handle_at newfstatat open openat openat2 readlink readlinkat rename renameat renameat2 rmdir stat
    stat64 statfs statfs64 statmount statx symlink symlinkat truncate truncate64 umask unlink unlinkat
    """)

  private static let fileAttributes = words(
    """
    chmod chown chown32 fchmod fchmodat fchmodat2 fchown fchown32 fchownat fgetxattr flistxattr fremovexattr
    fsetxattr futimesat getxattr getxattrat lchown lchown32 lgetxattr listxattr listxattrat llistxattr
    lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat utime utimensat utimensat_time64 utimes
    """)

  private static let descriptors = words(
    """
    close close_range copy_file_range dup dup2 dup3 fadvise64 fadvise64_64 fallocate fcntl fcntl64 fdatasync
    flock fsync ioctl _llseek lseek pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead
    readv sendfile sendfile64 splice sync sync_file_range syncfs tee vmsplice write writev
    """)

  /// Waiting for descriptors, watches and asynchronous I/O. io_uring is left out, because it does what no filter sees.
  private static let polling = words(
    """
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
    eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
    io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect poll ppoll
    ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create timerfd_gettime
    timerfd_gettime64 timerfd_settime timerfd_settime64
    """)

  private static let memory = words(
    """
    brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2
    mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
    remap_file_pages
    """)

  /// Programs, threads and their limits. `clone` is a rule of its own, with a condition.
  private static let processes = words(
    """
    execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake
    get_robust_list get_thread_area getpgid getpgrp getpid getppid getrlimit getrusage getsid gettid
    landlock_add_rule landlock_create_ruleset landlock_restrict_self pidfd_open prctl prlimit64 restart_syscall
    rseq seccomp set_robust_list set_thread_area set_tid_address setpgid setrlimit setsid ugetrlimit uretprobe
    vfork wait4 waitid waitpid
    """)

  private static let signals = words(
    """
    kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn
    tgkill tkill
    """)

  /// Users, groups and capabilities. The kernel itself asks for the capabilities.
  private static let identity = words(
    """
    capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid
    getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32
    setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32
    setuid setuid32
    """)

  private static let scheduling = words(
    """
    getcpu getpriority ioprio_get ioprio_set sched_get_priority_max sched_get_priority_min sched_getaffinity
    sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield setpriority
    """)

  private static let clocks = words(
    """
    adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create
    timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 times
    """)

  private static let sockets = words(
    """
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64
    recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketpair
    """)

  /// System V and POSIX messages, semaphores and shared memory.
  private static let messages = words(
    """
    ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
    mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt
    shmget
    """)

  private static let node = words(
    """
    getrandom sysinfo uname
    """)

  static func words(_ text: String) -> [String] { text.split { $0 == " " || $0 == "\n" }.map(String.init) }
}
