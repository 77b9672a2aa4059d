"""A node with one Stockade, the real binary, and with a runtime that is only `session`."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import container
import host
import leftovers
import session
from container import PROFILE, Pod

FOLDER = host.SCRATCH
PROFILES = FOLDER / "profiles"
PINS = host.BPF_FILES / "stockade"
LOG, EVENTS, CONFIGURATION, SOCKET = (FOLDER / name for name in ("log", "events", "stockade.yaml", "nri.sock"))
# Far more than is needed: a machine that does other things at the same time is slow.
START_SECONDS, STOP_SECONDS, COMMAND_SECONDS = 60, 60, 90
# A policy stays for a while after its last container, and the sweep comes every 5 seconds.
SETTLE_SECONDS = 60
COMPLAINT = re.compile(r"^\S+Z (warning|error|critical) ")

PROFILE_TEXT = """apiVersion: stockade.dev/v1alpha1
kind: SecurityProfile
metadata: {{name: {name}}}
spec:
  acceptPartial: true
  process:
    defaultAction: Block
    newExecutables: Allow
    rules: [{{path: /usr/bin/sleep, action: Allow}}, {{path: {extra}, action: Allow}}]
  network: {{egress: {{defaultAction: Block, rules: [{{ports: [{{protocol: UDP, port: 53}}], action: Allow}}]}}}}
"""


class Node:
    """The Stockade and the runtime's socket. One session at a time."""

    def __init__(self, binary: pathlib.Path, environment: dict[str, str] | None = None):
        self.binary, self.environment = binary, environment
        self.process: subprocess.Popen | None = None
        self.session: session.Session | None = None
        self.log_file, self.log_start = LOG, 0
        # What the program is started by: a command that sets limits, and then executes what follows.
        self.before: list[str] = []
        PROFILES.mkdir(exist_ok=True)
        self.write_profile()
        self.configure(EVENTS)
        self.listener = session.Listener(SOCKET)

    @staticmethod
    def configure(events: pathlib.Path) -> None:
        CONFIGURATION.write_text(f"profilesFolder: {PROFILES}\neventsFile: {events}\nlogLevel: info\n")

    def write_profile(self, extra: str = "/usr/bin/true") -> None:
        """The profile that a pod has, if the test says nothing else."""
        self.write(PROFILE, PROFILE_TEXT.format(name=PROFILE, extra=extra))

    @staticmethod
    def write(name: str, text: str) -> None:
        """The text of a profile, all at once."""
        new = PROFILES / f"{name}.new"
        new.write_text(text)
        new.rename(PROFILES / f"{name}.yaml")

    # ---- the process ----

    def launch(self) -> None:
        self.log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        command = [*self.before, self.binary, "run", "--config", CONFIGURATION, "--socket", SOCKET]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment)

    def connect(self, pods: list[Pod], seconds: float = START_SECONDS) -> bool:
        """Serves the next connection of the Stockade, if it makes one while it lives."""
        self.hang_up()
        deadline = time.monotonic() + seconds * host.patience
        while time.monotonic() < deadline and self.is_alive:
            found = self.listener.accept(0.05)
            if found is None:
                continue
            try:
                found.begin([pod.sandbox for pod in pods], [pod.container for pod in pods if pod.has_container])
            except (session.Ended, session.Refused, TimeoutError):
                found.close()
                continue
            self.session = found
            return True
        return False

    def hang_up(self) -> None:
        if self.session:
            self.session.close()
            self.session = None

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        try:
            self.process.terminate()
            return self.process.wait(STOP_SECONDS * host.patience)
        finally:
            self.hang_up()

    def kill(self) -> None:
        if self.is_alive:
            self.process.kill()
        if self.process:
            self.process.wait()
        self.hang_up()

    # ---- what it does ----

    def activate(self, pod: Pod) -> None:
        """As the runtime starts a pod and its container; up to the container's first instruction."""
        self.session.event("RunPodSandbox", pod.sandbox)
        self.session.event("CreateContainer", pod.sandbox, pod.container)
        self.session.event("StartContainer", pod.sandbox, pod.container)
        pod.start()

    def release(self, pod: Pod) -> None:
        for name in ("StopContainer", "RemoveContainer"):
            self.session.event(name, pod.sandbox, pod.container)
        for name in ("StopPodSandbox", "RemovePodSandbox"):
            self.session.event(name, pod.sandbox)

    def command(self, *words: str) -> subprocess.CompletedProcess:
        """A command of the program, in the environment of the test."""
        return subprocess.run([self.binary, *words], capture_output=True, text=True, check=False,
                              timeout=COMMAND_SECONDS)

    # ---- what it shows ----

    def log(self) -> str:
        """Since the last start."""
        return self.log_file.read_bytes()[self.log_start:].decode(errors="replace")

    def complaints(self) -> list[str]:
        return [line for line in self.log().splitlines() if COMPLAINT.search(line)]

    def reason(self) -> str:
        """The last thing that it said before it ended."""
        return (self.log().splitlines() or [""])[-1]

    def settle(self) -> None:
        """Where no container lives, nothing of containers may be in the kernel for long."""
        left = ["nothing was seen"]

        def is_settled() -> bool:
            # What goes while it is looked at is not there any more at the next look.
            with contextlib.suppress(subprocess.CalledProcessError):
                left[:] = leftovers.bound()
                return not left
            return False

        try:
            host.wait_until("what is of no container to go", is_settled, SETTLE_SECONDS, every=0.5)
        except TimeoutError as error:
            text = f"rows and links are left of containers that are gone: {left[:5]}"
            raise TimeoutError(text) from error

    def left(self) -> list[str]:
        """What is there although no Stockade runs and no container lives."""
        pins = [f"pin {path}" for path in host.below(PINS)]
        probes = [f"cgroup {path}" for path in host.unified().glob("stockade-probe-*") if self.is_ours(path)]
        return pins + probes

    def is_ours(self, probe: pathlib.Path) -> bool:
        """Whether the Stockade that was started last made that cgroup."""
        return bool(self.process) and probe.name.endswith(f"-{self.process.pid}")


def end(node: Node) -> None:
    node.kill()
    container.end_all()
