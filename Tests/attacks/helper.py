"""Whoever is outside the container and helps an attack, or an administrator: does what a line on a socket asks for."""

import json
import os
import pathlib
import socket
import struct
import subprocess
import threading

CGROUPS = pathlib.Path("/sys/fs/cgroup")
FOREIGN = "stockade-attacks"


def hierarchies():
    """The mounted hierarchies and the cgroup that process `pid` has in each."""
    if (CGROUPS / "cgroup.controllers").exists():
        return {"": CGROUPS}
    return {entry.name: entry for entry in CGROUPS.iterdir() if (entry / "cgroup.procs").exists()}


def own_cgroups(pid):
    found = []
    mounted = hierarchies()
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines():
        number, controllers, path = line.split(":", 2)
        name = "unified" if number == "0" and "" not in mounted else controllers.removeprefix("name=")
        if name in mounted:
            found.append((mounted[name], path))
    return found


def move(pid, where):
    for root, path in own_cgroups(pid):
        target = root / path[1:] / "moved" if where == "child" else root / FOREIGN
        target.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (target / setting).exists() and root.name == "cpuset":
                (target / setting).write_text((target.parent / setting).read_text(encoding="utf-8"), encoding="utf-8")
        (target / "cgroup.procs").write_text(str(pid), encoding="utf-8")


def remove_foreign():
    for root in hierarchies().values():
        if (root / FOREIGN).is_dir():
            (root / FOREIGN).rmdir()


def attack(pid, who, act, image):
    """What becomes of an act on process `pid`, tried by this machine's user or in another container."""
    # Another container is whoever is in a mount namespace of its own and has no mark.
    apart = ["unshare", "--mount"] if who == "container" else []
    command = [*apart, image / "bin/attack", "run", act.replace("PID", str(pid))]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout.strip().removeprefix("1 ") or "lost: " + done.stderr.strip()


def bpf_programs():
    """The kernel's BPF programs by id: name, type, and how often each was skipped and, where that is counted, ran."""
    shown = subprocess.run(["/usr/sbin/bpftool", "--json", "prog", "show"], capture_output=True, text=True, check=True)
    return {
        entry["id"]: {
            "program": entry.get("name", "?"), "type": entry["type"],
            "misses": entry.get("recursion_misses", 0), "runs": entry.get("run_cnt"),
        }
        for entry in json.loads(shown.stdout or "[]")
    }  # fmt: skip


def serve_one(peer, helper):
    with peer:
        pid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        verb, argument = peer.makefile().readline().strip().split(" ", 1)
        try:
            if verb == "move":
                move(pid, argument)
                peer.send(b"+")
            elif verb == "pass":
                with open(f"/proc/{pid}/root{argument}", "rb") as file:
                    socket.send_fds(peer, [b"+"], [file.fileno()])
            elif verb == "lend":
                with open(f"/proc/{pid}/mem", "r+b", buffering=0) as file:
                    socket.send_fds(peer, [b"+"], [file.fileno()])
            elif verb == "attack":
                peer.send(attack(pid, *argument.split(" ", 1), helper.image).encode())
            elif verb == "programs":
                helper.note_programs()
                peer.send(b"+")
        except (OSError, subprocess.SubprocessError) as error:
            print(f"helper: {verb} {argument}: {error}", flush=True)
            peer.send(b"-")


class Helper:
    """Listens in `folder`, which is bound at /vol, as long as the context lasts."""

    def __init__(self, folder, image):
        self.image = image
        self.before = bpf_programs()
        # Those that were loaded since then, as they were when the container asked.
        self.programs = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(folder / "helper"))
        self.socket.listen()
        os.chmod(folder / "helper", 0o777)
        # Also for a container's user that is nobody here.
        os.chmod(folder, 0o755)

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        # Before the descriptor is closed: the next helper gets its number, and this thread would answer there.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()
        remove_foreign()

    def note_programs(self):
        self.programs = [program for number, program in bpf_programs().items() if number not in self.before]

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            serve_one(peer, self)
