"""A node that gives too little: descriptors, memory, disk, capabilities, /proc, bpffs. Under each limit Stockade either
serves as it should, or refuses to start and says why, or refuses containers and says why. Nothing is left."""

import contextlib
import json
import pathlib
import subprocess

import host
import session
from container import DENIED, Pod
from must import Broken, must
from node import FOLDER, Node
from session import LOST

DESCRIPTORS = (24, 32, 40, 48, 64, 96, 128)
MEGABYTES = (16, 24, 32, 48, 64)
# capability.h, by numbers from 0.
CAPABILITIES = (
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service "
    "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin "
    "sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override "
    "mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore").split()
# Those that a start takes: Sources/Daemon/Privileges.swift.
NEEDED = "bpf perfmon net_admin sys_ptrace dac_read_search kill sys_admin dac_override sys_nice setpcap".split()
# How long a Stockade that does not connect may take to say why.
SECONDS = 30
MEMORY = pathlib.Path("/sys/fs/cgroup/memory")
DISK = FOLDER / "disk"
DISK_BYTES = 128 << 10
# Fewer than a container may report at once, and more than find room at the end of a block.
DENIALS = 60


def in_own_mounts(*lines: str) -> list[str]:
    """The program in a mount namespace in which these commands were run first."""
    return ["unshare", "-m", "sh", "-e", "-c", "\n".join(lines) + '\nexec "$@"', "sh"]


def limited(capabilities: list[str]) -> list[tuple[str, list[str]]]:
    """Each limit by its name, with the command that sets it."""
    found = [(f"{count} descriptors", ["prlimit", f"--nofile={count}:{count}"]) for count in DESCRIPTORS]
    found += [(f"without cap_{name}", ["setpriv", f"--bounding-set=-{name}"]) for name in capabilities]
    found.append(("bpffs read-only", in_own_mounts("mount -o remount,bind,ro /sys/fs/bpf")))
    found.append(("bpffs missing", in_own_mounts("while umount /sys/fs/bpf 2>/dev/null; do :; done")))
    found.append(("/proc hidden", in_own_mounts("mount -t tmpfs none /proc")))
    found.append(("/proc of others hidden", in_own_mounts("mount -t proc -o hidepid=2 proc /proc")))
    if MEMORY.exists():
        place = MEMORY / "stockade-faults"
        found += [
            (f"{size} MB of memory", in_own_mounts(
                f"mkdir -p {place}", f"echo {size}M >{place}/memory.limit_in_bytes", f"echo $$ >{place}/cgroup.procs"))
            for size in MEGABYTES]
    return found


def served(node: Node) -> str:
    """A Stockade that has connected: a container is confined or refused."""
    pod = Pod()
    try:
        node.activate(pod)
        must(pod.is_confined, "a denied program ran")
        must(pod.is_open or bool(node.complaints()), "nothing runs, and the log does not say so")
        node.release(pod)
        return "served"
    except session.Refused as error:
        must(bool(str(error)), "refused without a reason")
        return f"containers refused: {error}"
    except LOST as error:
        raise Broken(f"the first container ends the session: {error}") from error
    finally:
        pod.end()


def one(node: Node, command: list[str]) -> str:
    """What becomes of a start under a limit."""
    node.before = command
    try:
        node.launch()
        connected = node.connect([], SECONDS)
        outcome = served(node) if connected else f"did not start: {node.reason()}"
        if not connected:
            must(bool(node.reason()), "it does not start, and does not say why")
        if node.is_alive:
            must(node.stop() >= 0, "SIGTERM ends it by a signal")
        node.hang_up()
        must(node.process.wait() >= 0, f"ended by signal {-node.process.returncode}: {node.reason()}")
    finally:
        node.kill()
        node.before = []
    # As after any other end: the next one takes away what is left.
    if node.left():
        node.launch()
        must(node.connect([]) and node.stop() == 0, f"the next start fails: {node.reason()}")
    must(not node.left(), f"left behind: {node.left()}")
    return outcome


def full_disk(node: Node) -> str:
    """Events and log on a small disk. It gets full, and then there is room again."""
    DISK.mkdir()
    host.mount("tmpfs", str(DISK), "tmpfs", options=f"size={DISK_BYTES}")
    events, filler = DISK / "events", DISK / "filler"
    node.configure(events)
    usual_log, node.log_file = node.log_file, DISK / "log"
    pod = Pod()
    try:
        node.launch()
        must(node.connect([]), f"does not start: {node.reason()}")
        node.activate(pod)
        pod.run(DENIED)
        host.wait_until("the first event", lambda: told(events)[0], 60)
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(512)):
                pass
        for _ in range(DENIALS):
            must(pod.is_confined, "a denied program ran while the disk was full")
        host.wait_until("the log to say so", lambda: "events are not written" in node.log(), 60)
        must(sum(told(events)) < DENIALS + 1, "the disk was not full")
        filler.unlink()
        host.wait_until("all records, or their number", lambda: sum(told(events)) == DENIALS + 1, 60)
        host.wait_until("the log to say so", lambda: "events are written again" in node.log(), 60)
        must(events.read_bytes().endswith(b"\n"), "a line is not whole")
        must(all("Z " in line for line in node.log().splitlines()), "a line of the log is not whole")
        node.release(pod)
        return f"{told(events)[0]} records are written, {told(events)[1]} are told to be missing"
    finally:
        node.kill()
        pod.end()
        node.configure(FOLDER / "events")
        node.log_file = usual_log
        host.wait_until("the disk to be free", lambda: subprocess.run(["umount", DISK], check=False).returncode == 0)


def told(events: pathlib.Path) -> tuple[int, int]:
    """How many denied execs the file has, and how many records it says are missing. Every line but the last, which may
    be just being written, must be whole."""
    lines = events.read_bytes().split(b"\n")[:-1] if events.exists() else []
    records = [json.loads(line) for line in lines]
    counts = [record["counts"] for record in records if record["kind"] == "dropped"]
    return sum(record["kind"] == "exec" for record in records), sum(sum(count.values()) for count in counts)


def walk(node: Node, report, start_over, *, is_sample: bool) -> None:
    """One limit after the other. Of capabilities that Stockade never asks for, a sample takes none away."""
    limits = limited(NEEDED if is_sample else CAPABILITIES)
    every = [(name, lambda command=command: one(node, command)) for name, command in limits]
    for name, body in [("full disk", lambda: full_disk(node)), *every]:
        try:
            print(f"{name:<28} {body()}"[:240], flush=True)
            report.passed += 1
        except (Broken, OSError, TimeoutError, ValueError) as error:
            report.fail(f"{name}: {error}", node)
            start_over()
    host.remove_cgroups({str(MEMORY / "stockade-faults")})
