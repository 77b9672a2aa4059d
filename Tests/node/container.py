"""A pod with one container, made as a runtime makes them: cgroups, a mount namespace, and a process that waits before
its exec. Nothing but Stockade confines it."""

import ctypes
import itertools
import os
import pathlib
import signal

import host
import nri_pb2

# In cgroup v2, where Stockade looks for containers. Another run may have its own at the same time.
PARENT = f"stockade-node-{os.getpid()}"
ANNOTATION = "profile.stockade.dev"
PROFILE = "usual"
# What the profile of the tests allows, and what it blocks.
ALLOWED, DENIED = "/usr/bin/sleep", "/usr/bin/id"
RUNNING = 3
# What a child's exec is answered with is told by its exit status.
REFUSED_STATUS = 77

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


def join(cgroup: pathlib.Path) -> None:
    (cgroup / "cgroup.procs").write_text(str(os.getpid()))


def close_all_but(*kept: int) -> None:
    """Only in a child, which keeps its standard streams."""
    ends = [2, *sorted(kept), os.sysconf("SC_OPEN_MAX")]
    for before, after in zip(ends, ends[1:]):
        os.closerange(before + 1, after)


def quietly_exec(program: str, *arguments: str) -> None:
    """Only in a child."""
    try:
        nothing = os.open("/dev/null", os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        os.execv(program, [program, *arguments])
    except OSError:
        os._exit(REFUSED_STATUS)


class Pod:
    """Of one container, `container`. Its processes live until `end`."""

    # Whether the runtime lists the container.
    has_container = True
    is_killed = False

    def __init__(self, profile: str | None = PROFILE):
        number = next(_numbers)
        uid = f"{os.getpid():08d}-{number:08d}"
        self.folder = host.unified() / PARENT / f"pod{uid}"
        self.id, self.parent = f"c{number}", f"/{PARENT}/pod{uid}"
        self.cgroup = self.folder / self.id
        for folder in (self.folder / "pause", self.cgroup):
            folder.mkdir(parents=True)
        self.pause, go = self.fork(self.folder / "pause")
        os.close(go)
        self.pid, self.go = self.fork(self.cgroup)
        self.sandbox = nri_pb2.PodSandbox(id=f"s{number}", name=f"pod-{number}", uid=uid, namespace="default",
                                          pid=self.pause)
        self.sandbox.linux.cgroup_parent = self.parent
        if profile:
            self.sandbox.annotations.add(key=ANNOTATION, value=profile)
        self.container = nri_pb2.Container(id=self.id, pod_sandbox_id=self.sandbox.id, name="main", state=RUNNING,
                                           pid=self.pid, args=[ALLOWED, "600"])
        self.container.linux.cgroups_path = f"{self.parent}/{self.id}"
        for kind in ("pid", "mount"):
            self.container.linux.namespaces.add(type=kind)

    @staticmethod
    def fork(cgroup: pathlib.Path) -> tuple[int, int]:
        """A process there, which execs as soon as the descriptor is closed."""
        waiting, go = os.pipe()
        ready, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                # Also of the session, whose end would not be seen while it waits.
                close_all_but(waiting, tell)
                join(cgroup)
                _libc.unshare(host.CLONE_NEWNS)
                os.close(tell)
                os.read(waiting, 1)
                quietly_exec(ALLOWED, "600")
            finally:
                os._exit(1)
        os.close(waiting)
        os.close(tell)
        os.read(ready, 1)
        os.close(ready)
        return pid, go

    def start(self) -> None:
        """Lets the container's first program run."""
        if self.go is not None:
            os.close(self.go)
            self.go = None

    def run(self, program: str) -> bool:
        """Whether a process of the container's cgroup and mounts can execute that."""
        # A program that was executed ends by an alarm, if not before by itself.
        status = self.execute(program, "0", seconds=5)
        if os.WIFSIGNALED(status):
            return os.WTERMSIG(status) != signal.SIGKILL
        return os.WEXITSTATUS(status) != REFUSED_STATUS

    def execute(self, program: str, *arguments: str, seconds: int = 0) -> int:
        """Returns how it ended, as wait(2) does. It ends after so many seconds, if any are given."""
        child = os.fork()
        if child == 0:
            try:
                join(self.cgroup)
                mounts = os.open(f"/proc/{self.pid}/ns/mnt", os.O_RDONLY)
                _libc.setns(mounts, host.CLONE_NEWNS)
                signal.alarm(seconds)
                quietly_exec(program, *arguments)
            finally:
                os._exit(REFUSED_STATUS)
        return os.waitpid(child, 0)[1]

    @property
    def is_confined(self) -> bool:
        """Nothing runs that the profile denies. In a closed container nothing else runs either."""
        return not self.run(DENIED)

    @property
    def is_open(self) -> bool:
        return self.run(ALLOWED)

    def kill(self) -> None:
        """Ends the container's processes. Its cgroup stays."""
        if self.is_killed:
            return
        self.is_killed = True
        if self.go is not None:
            os.close(self.go)
            self.go = None
        (self.cgroup / "cgroup.kill").write_text("1")
        os.waitpid(self.pid, 0)

    def end(self) -> None:
        """Kills what is in it, and removes its cgroups."""
        self.kill()
        (self.folder / "cgroup.kill").write_text("1")
        os.waitpid(self.pause, 0)
        for folder in (self.cgroup, self.folder / "pause", self.folder):
            host.wait_until(f"{folder} to be empty", lambda folder=folder: self.remove(folder), 60, every=0.005)

    @staticmethod
    def remove(folder: pathlib.Path) -> bool:
        try:
            folder.rmdir()
        except OSError:
            return False
        return True


def end_all() -> None:
    """What is left of pods, whatever ended the test."""
    top = host.unified() / PARENT
    if not top.exists():
        return
    (top / "cgroup.kill").write_text("1")

    def is_gone() -> bool:
        host.reap()
        host.remove_cgroups({folder for folder, _, _ in os.walk(top)})
        return not top.exists()

    host.wait_until(f"{top} to be empty", is_gone, 60)
