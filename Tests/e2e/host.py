"""The tests' own corner of this machine: private mounts, every process theirs to end, and cgroups they take away.

`enter()` puts this process into a mount namespace of its own in which /run is empty, changes to /dev, /etc and /opt are
thrown away, and /sys/fs/bpf is a bpffs of its own. So containerd and the plugin use their documented places, and
nothing outside sees it. It also makes this process the one that orphans fall to, so that shims and containers are
found.
"""

import ctypes
import os
import pathlib
import signal
import time

CLONE_NEWNS = 0x00020000
MS_REC_PRIVATE = 0x4000 | 0x40000
PR_SET_CHILD_SUBREAPER = 36
END_SECONDS = 10
# How many times the usual time is waited for everything: a virtual machine that is emulated is slow.
SLOW_PATIENCE = 5
patience = 1

BPF_FILES = pathlib.Path("/sys/fs/bpf")
# tmpfs that is ours: its content goes when the last process in the mount namespace ends.
SCRATCH = pathlib.Path("/run/stockade-e2e")
# What is written there is only ours. Of /dev it is the log's socket.
PRIVATE_FOLDERS = ("dev", "etc", "opt")

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source: str, target: str, kind: str | None, flags: int = 0, options: str | None = None) -> None:
    """mount(2)."""
    words = [word.encode() if word is not None else None for word in (source, target, kind)]
    data = options.encode() if options else None
    _check(_libc.mount(*words, ctypes.c_ulong(flags), data), f"cannot mount {kind} on {target}")


def enter() -> None:
    """Leaves for private mounts; children inherit them. Needs root."""
    _check(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "cannot become the reaper of orphans")
    _check(_libc.unshare(CLONE_NEWNS), "cannot make a mount namespace")
    mount("none", "/", None, MS_REC_PRIVATE)
    mount("tmpfs", "/run", "tmpfs", options="mode=755")
    SCRATCH.mkdir()
    for place in PRIVATE_FOLDERS:
        upper, work = SCRATCH / f"{place}.upper", SCRATCH / f"{place}.work"
        upper.mkdir()
        work.mkdir()
        mount("overlay", f"/{place}", "overlay", options=f"lowerdir=/{place},upperdir={upper},workdir={work}")
    mount("bpf", str(BPF_FILES), "bpf", options="mode=700")


def parent_of(pid: int) -> int | None:
    """The parent's pid; None where the process is gone."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def descendants(root: int) -> list[int]:
    """Every living process below `root`, zombies of its own children excepted."""
    children: dict[int, list[int]] = {}
    for pid in all_pids():
        parent = parent_of(pid)
        if parent is not None:
            children.setdefault(parent, []).append(pid)
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return [pid for pid in found if not is_zombie(pid)]


def is_ours(pid: int) -> bool:
    """Whether it is in the mount namespace that `enter` made, as everything is that the tests start."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
    except OSError:
        return False


def is_zombie(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def command_of(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


def reap() -> None:
    """Collects orphans that ended. Only for a process that has no child it waits for itself."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def end_descendants(root: int) -> list[str]:
    """Kills every process below `root` and waits for their end; returns their command lines."""
    ended = []
    deadline = time.monotonic() + END_SECONDS * patience
    while (pids := descendants(root)) and time.monotonic() < deadline:
        for pid in pids:
            command = command_of(pid)
            try:
                os.kill(pid, signal.SIGKILL)
                ended.append(f"{pid} {command}")
            except ProcessLookupError:
                pass
        time.sleep(0.05)
        reap()
    return sorted(set(ended))


def wait_until(what: str, condition, seconds: float = 10, every: float = 0.05):
    """The first true value of `condition`; an error that names `what` after `seconds` of patience."""
    seconds *= patience
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} seconds for {what}")
        time.sleep(every)


def below(folder: pathlib.Path) -> list[pathlib.Path]:
    """Every file and folder below it. What goes while this looks is left out, where pathlib's rglob() fails."""
    found = []
    for place, folders, files in os.walk(folder):
        found += [pathlib.Path(place) / name for name in folders + files]
    return found


# ---- cgroups ----


def hierarchies() -> list[pathlib.Path]:
    """Where the cgroup hierarchies are mounted, version 1 and 2."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    fields = [line.split(" - ") for line in lines]
    return [pathlib.Path(left.split()[4]) for left, right in fields if right.split()[0] in ("cgroup", "cgroup2")]


def unified() -> pathlib.Path:
    """The cgroup v2 hierarchy, on a hybrid host as well."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return next(pathlib.Path(line.split()[4]) for line in lines if line.split(" - ")[1].startswith("cgroup2 "))


def cgroups() -> set[str]:
    """Every cgroup folder of every hierarchy."""
    return {folder for top in hierarchies() for folder, _, _ in os.walk(top)}


def remove_cgroups(folders: set[str]) -> None:
    """Removes empty cgroups, the deepest first; one that is gone or has processes is passed over."""
    for folder in sorted(folders, key=len, reverse=True):
        try:
            os.rmdir(folder)
        except OSError:
            pass
