"""With which errors each call fails: what its manual page names and a node can meet. The first is the likeliest."""

from errno import (
    E2BIG, EACCES, EAGAIN, EBUSY, ECONNREFUSED, ECONNRESET, EINTR, EINVAL, EIO, EMFILE, ENFILE, ENOBUFS, ENODEV,
    ENOENT, ENOMEM, ENOSPC, ENOSYS, ENOTCONN, EPERM, EPIPE, EROFS, ESRCH,
)

OPEN = (EMFILE, EACCES, EINTR, ENOMEM, EIO)
LOOK = (EACCES, ENOMEM, EIO)
CHANGE = (EACCES, ENOSPC, EROFS)
READ = (EIO, EINTR)
RECEIVE = (ECONNRESET, EINTR)
SEND = (EPIPE, EINTR, ENOBUFS)
MEMORY = (ENOMEM,)
NEW = (EMFILE, ENFILE, ENOMEM)

TABLE = {
    "_Fork": (EAGAIN, ENOMEM), "fork": (EAGAIN, ENOMEM), "vfork": (EAGAIN, ENOMEM), "clone": (EAGAIN, ENOMEM),
    "__realpath_chk": LOOK, "realpath": LOOK, "access": LOOK, "faccessat": LOOK, "fstat": (ENOMEM,), "fstatat": LOOK,
    "lstat": LOOK, "stat": LOOK, "statx": LOOK, "statfs": (EACCES, EIO), "statfs64": (EACCES, EIO),
    "readlink": LOOK, "readlinkat": LOOK, "getcwd": (ENOENT, ENOMEM),
    "accept4": (EMFILE, EINTR, ENOMEM), "bind": (EACCES, ENOMEM), "connect": (ECONNREFUSED, EAGAIN, EINTR),
    "listen": (ENOBUFS,), "socket": NEW, "socketpair": NEW, "shutdown": (ENOTCONN,), "setsockopt": (ENOBUFS,),
    "getsockopt": (ENOBUFS,), "getpeername": (ENOBUFS,), "getsockname": (ENOBUFS,),
    "chdir": LOOK, "fchdir": LOOK, "chroot": (EPERM,), "chmod": (EPERM, EROFS), "fchmod": (EPERM, EROFS),
    "fchmodat": (EPERM, EROFS), "chown": (EPERM, EROFS),
    "dup": (EMFILE,), "dup2": (EBUSY, EINTR), "dup3": (EBUSY, EINTR), "pipe": (EMFILE, ENFILE),
    "pipe2": (EMFILE, ENFILE),
    "epoll_create1": NEW, "epoll_ctl": (ENOMEM, ENOSPC), "epoll_wait": (EINTR,), "poll": (EINTR, ENOMEM),
    "eventfd": NEW, "eventfd_read": (EINTR,), "eventfd_write": (EINTR,), "signalfd": NEW, "timerfd_create": NEW,
    "timerfd_settime": (EINVAL,),
    "execve": (ENOMEM, EACCES, E2BIG), "execvpe": (ENOMEM, EACCES), "posix_spawnp": (EAGAIN, ENOMEM, ENOENT),
    "pthread_create": (EAGAIN,), "waitpid": (EINTR,), "kill": (EPERM, ESRCH), "pidfd_open": (EMFILE, ENOMEM),
    "pidfd_send_signal": (EPERM, ESRCH),
    "fcntl": (EINTR, EAGAIN), "fcntl64": (EINTR, EAGAIN), "flock": (EINTR,), "ioctl": (ENOMEM, EINVAL),
    "fdopen": MEMORY, "fopen": OPEN, "fopen64": OPEN, "open": OPEN, "open64": OPEN, "openat": OPEN, "opendir": OPEN,
    "open_by_handle_at": OPEN, "memfd_create": NEW,
    "ftruncate": (EINTR, EIO), "lseek": (EINVAL,), "lseek64": (EINVAL,), "read": READ, "pread": READ,
    "readdir": (EIO,), "write": (ENOSPC, EINTR, EIO), "pwrite": (ENOSPC, EINTR), "writev": (ENOSPC, EINTR),
    "recv": RECEIVE, "recvfrom": RECEIVE, "recvmsg": RECEIVE, "send": SEND, "sendmsg": SEND, "sendto": SEND,
    "close": (EIO, EINTR), "getrandom": (EINTR, ENOSYS),
    "getrlimit": (EPERM,), "getrlimit64": (EPERM,), "setrlimit": (EPERM,), "setrlimit64": (EPERM,),
    "inotify_add_watch": (ENOSPC, ENOMEM), "inotify_init1": (EMFILE, ENOMEM),
    "link": CHANGE, "mkdir": CHANGE, "rename": CHANGE, "renameat": CHANGE, "rmdir": (EBUSY, EACCES),
    "unlink": (EACCES, EBUSY), "unlinkat": (EACCES, EBUSY),
    "mmap": MEMORY, "mmap64": MEMORY, "mprotect": MEMORY,
    "mount": (EPERM, ENOMEM), "umount2": (EBUSY, EPERM), "setns": (EPERM, ENOMEM), "unshare": (EPERM, ENOMEM),
    "prctl": (EPERM, EINVAL), "setpriority": (EACCES,), "setsid": (EPERM,), "uname": (EIO,),
    "bpf MAP_CREATE": (EPERM, ENOMEM), "bpf MAP_LOOKUP_ELEM": (EPERM, ENOENT), "bpf MAP_UPDATE_ELEM": (ENOMEM, E2BIG),
    "bpf MAP_DELETE_ELEM": (ENOENT, ENOMEM), "bpf MAP_GET_NEXT_KEY": (EPERM,), "bpf PROG_LOAD": (EPERM, ENOMEM, EAGAIN),
    "bpf OBJ_PIN": (EPERM, ENOSPC), "bpf OBJ_GET": (EACCES, EMFILE), "bpf PROG_TEST_RUN": (EINTR, ENOMEM),
    "bpf OBJ_GET_INFO_BY_FD": (EINVAL,), "bpf MAP_LOOKUP_BATCH": (ENOMEM, EPERM),
    "bpf RAW_TRACEPOINT_OPEN": (ENOMEM, EPERM), "bpf BTF_LOAD": (EPERM, ENOMEM),
    "bpf LINK_CREATE": (EPERM, ENOMEM, EBUSY), "bpf LINK_UPDATE": (EINVAL, ENOMEM), "bpf ITER_CREATE": (EMFILE, ENOMEM),
    "bpf MAP_FREEZE": (EBUSY, EPERM),
    # clone, getrandom, openat2
    "syscall 56": (EAGAIN, ENOMEM), "syscall 318": (EINTR, ENOSYS),
    "syscall 437": (EMFILE, EACCES, ENOENT, EIO),
}
OTHER_BPF = (EPERM, EMFILE)
# These calls of syscall(2) cannot fail: gettid; and futex in the ways in which locks use it, which has no error that a
# node's state could cause.
NEVER = {"syscall 186", "syscall 202"}
# Calls by syscall(2): pidfd, seccomp, open_tree and the like, which a kernel may not have.
OTHER_SYSCALL = (ENOSYS, EPERM)


def errors_of(call: str) -> tuple[int, ...]:
    """Of a function, or of a command of bpf(2) ("bpf PROG_LOAD"), or of another system call ("syscall 434")."""
    if call in NEVER:
        return ()
    if call in TABLE:
        return TABLE[call]
    if call.startswith("bpf "):
        return OTHER_BPF
    if call.startswith("syscall "):
        return OTHER_SYSCALL
    raise KeyError(f"errors.py has no errors of {call}")
