"""A memory limit on `stockade try` while a container performs acts: what those make the kernel remember is not its."""

import contextlib
import os
import pathlib
import signal
import threading
import time

# What may still be used when the acts begin: less than the marks of as many threads as they start.
LEFT_BYTES = 512 << 10
PAUSE_SECONDS = 0.05
# What a container's processes need to end.
END_SECONDS = 30

# A shell that joins the cgroup and becomes the command that follows.
JOIN = 'echo $$ >"$0/cgroup.procs" && exec "$@"'


def hierarchy():
    """Where memory is counted, and how its limit and its use are called."""
    v1 = pathlib.Path("/sys/fs/cgroup/memory")
    if (v1 / "memory.limit_in_bytes").exists():
        return v1, "memory.limit_in_bytes", "memory.usage_in_bytes", "-1"
    for root in (pathlib.Path("/sys/fs/cgroup"), pathlib.Path("/sys/fs/cgroup/unified")):
        controllers = root / "cgroup.controllers"
        if controllers.exists() and "memory" in controllers.read_text(encoding="ascii").split():
            return root, "memory.max", "memory.current", "max"
    raise FileNotFoundError("no cgroup hierarchy counts memory here")


class Pressure:
    """
    Sets the limit when the container says that it is ready, and lifts it when it says that it is done. The limit was in
    force if `limited` is true.
    """

    def __init__(self, volume):
        self.volume, self.limited, self.over = volume, False, False
        root, self.limit, self.use, self.none = hierarchy()
        self.group = root / f"stockade-attacks-{time.monotonic_ns()}"
        self.control = root / "cgroup.subtree_control"
        self.was_counted = not self.control.exists() or "memory" in self.control.read_text(encoding="ascii").split()
        self.thread = threading.Thread(target=self.run)

    @property
    def prefix(self):
        return ["sh", "-c", JOIN, str(self.group)]

    def surround(self, acts):
        """The acts between the two at which the limit changes. /vol is the volume."""
        return ["await /vol/ready /vol/limited", *acts, "await /vol/done /vol/lifted"]

    def __enter__(self):
        if not self.was_counted:
            self.control.write_text("+memory", encoding="ascii")
        self.group.mkdir()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()
        end = time.monotonic() + END_SECONDS
        while self.group.exists():
            try:
                self.group.rmdir()
            except OSError:
                left = (self.group / "cgroup.procs").read_text(encoding="ascii").split()
                if time.monotonic() > end:
                    raise TimeoutError(f"{self.group} still has the processes {left}") from None
                # Where Stockade was ended for its memory, nobody else ends what it had started.
                for pid in left if time.monotonic() > end - END_SECONDS / 2 else ():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                time.sleep(PAUSE_SECONDS)
        if not self.was_counted:
            self.control.write_text("-memory", encoding="ascii")

    def await_file(self, name):
        while not self.over and not (self.volume / name).exists():
            time.sleep(PAUSE_SECONDS)
        return not self.over

    def set_limit(self):
        """Whether it was set: v1 takes none below what is used by then."""
        for _ in range(10):
            use = int((self.group / self.use).read_text(encoding="ascii"))
            try:
                (self.group / self.limit).write_text(str(use + LEFT_BYTES), encoding="ascii")
                return True
            except OSError:
                time.sleep(PAUSE_SECONDS)
        return False

    def run(self):
        if self.await_file("ready"):
            self.limited = self.set_limit()
            (self.volume / "limited").touch()
        if self.await_file("done"):
            (self.group / self.limit).write_text(self.none, encoding="ascii")
            (self.volume / "lifted").touch()
