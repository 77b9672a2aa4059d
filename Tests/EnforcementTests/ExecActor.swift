/// What the lines of a process in a container's cgroup and a mount namespace of its own can call. Whatever starts a
/// program answers what became of it: `ran` (the test program's only output), `killed` (by SIGKILL, before it wrote
/// anything), `killed ran`, or `exit N`.
enum ExecActor {
  static let prelude = """
    import ctypes, errno, fcntl, os, signal, sys, threading
    libc = ctypes.CDLL(None, use_errno=True)

    def checked(result):
        if result == -1: raise OSError(ctypes.get_errno(), 'call')
        return result

    def unshare(flags): checked(libc.unshare(flags))
    def mount(source, target, type=None, flags=0, data=None):
        checked(libc.mount(*[x and x.encode() for x in (source, target, type)], flags, data and data.encode()))
    def unmount(target): checked(libc.umount2(target.encode(), 2))
    def bind(source, target): mount(source, target, None, 0x1000)
    def private():
        unshare(0x20000)
        mount(None, '/', None, 0x44000)

    def join(cgroup, pid=0):
        with open(cgroup + '/cgroup.procs', 'w') as procs: procs.write(str(pid))

    def copy(source, target):
        with open(source, 'rb') as a, open(target, 'wb') as b: b.write(a.read())
        os.chmod(target, 0o755)

    def ended(pid, output):
        status = os.waitpid(pid, 0)[1]
        text = output.decode()
        if os.WIFSIGNALED(status): return ' '.join(['killed' if os.WTERMSIG(status) == 9 else 'signal'] + text.split())
        return text if text and not status else f'exit {os.WEXITSTATUS(status)}' + text

    def everything(end):
        output = b''
        while part := os.read(end, 65536): output += part
        os.close(end)
        return output

    # In a child, with its output; whatever does not exec ends with the errno.
    def child(action):
        end, out = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(out, 1)
                action()
            except OSError as error: os._exit(error.errno)
            finally: os._exit(255)
        os.close(out)
        return ended(pid, everything(end))

    def run(path, *words): return child(lambda: os.execv(path, [path, *words]))
    def runs(count, path): return sorted(set(run(path) for _ in range(count)))

    def spawned(path):
        end, out = os.pipe()
        pid = os.posix_spawn(path, [path], {}, file_actions=[(os.POSIX_SPAWN_DUP2, out, 1)])
        os.close(out)
        return ended(pid, everything(end))

    # The exec comes from a thread that is not the leader.
    def threaded(path):
        def action():
            thread = threading.Thread(target=lambda: os.execv(path, [path]))
            thread.start()
            thread.join()
        return child(action)

    # Each thread forks a child that execs.
    def from_threads(path, count):
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(spawned(path))) for _ in range(count)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        return sorted(set(answers))

    def memfd(path):
        file = os.memfd_create('stockade', 0)
        with open(path, 'rb') as source: os.write(file, source.read())
        return file
    def run_memory(path):
        file = memfd(path)
        try: return child(lambda: os.execve(file, [path], {}))
        finally: os.close(file)

    def run_deleted(path):
        file = os.open(path, os.O_RDONLY)
        os.unlink(path)
        try: return child(lambda: os.execve(file, [path], {}))
        finally: os.close(file)

    def run_below(root, path):
        def action():
            os.chroot(root)
            os.execv(path, [path])
        return child(action)

    # A shim's: a process in a cgroup and a root of its own.
    def contain(cgroup, root, path):
        def action():
            join(cgroup)
            private()
            os.chroot(root)
            os.execv(path, [path])
        return child(action)

    def run_file(root, file):
        def action():
            os.chroot(root)
            os.execve(file, ['program'], {})
        try: return child(action)
        finally: os.close(file)
    def run_opened(root, path):
        file = os.open(path, os.O_RDONLY)
        os.set_inheritable(file, True)
        return run_file(root, file)
    def run_sealed(root, path, seals):
        file = os.memfd_create('stockade', 2)
        with open(path, 'rb') as source: os.write(file, source.read())
        fcntl.fcntl(file, 1033, seals)
        return run_file(root, file)

    # As pid 1 of a new pid namespace, which ignores the signals that it does not handle.
    def run_first(path):
        def action():
            unshare(0x20000000)
            pid = os.fork()
            if pid == 0: os.execv(path, [path])
            status = os.waitpid(pid, 0)[1]
            if os.WIFSIGNALED(status): os.kill(os.getpid(), os.WTERMSIG(status))
            os._exit(os.WEXITSTATUS(status))
        return child(action)

    # A child that lives on and execs when it is told to, with a mark or without.
    class Sleeper:
        def __init__(self, root=None):
            self.end, out = os.pipe()
            start, self.go = os.pipe()
            self.pid = os.fork()
            if self.pid == 0:
                os.dup2(out, 1)
                os.close(self.go)
                words = os.read(start, 4096).decode().split()
                try:
                    if root: os.chroot(root)
                    os.execv(words[0], words)
                finally: os._exit(255)
            os.close(out)
            os.close(start)
        def exec(self, path):
            os.write(self.go, path.encode())
            os.close(self.go)
            return ended(self.pid, everything(self.end))

    # Children that live on until they are ended.
    def sleepers(count): return [Sleeper() for _ in range(count)]
    def end(children):
        for child in children:
            os.kill(child.pid, 9)
            os.waitpid(child.pid, 0)

    # How many threads could be started, of those asked for; they live on.
    def threads(count):
        threading.stack_size(65536)
        event, started = threading.Event(), 0
        try:
            while started < count:
                threading.Thread(target=event.wait, daemon=True).start()
                started += 1
        except RuntimeError: pass
        return started

    # This very process becomes the container's, by an exec of what it is.
    def become():
        os.environ['ANSWER'] = 'ok'
        os.execv(sys.executable, sys.orig_argv)
    if os.environ.pop('ANSWER', None): print('ok')

    """
}
