"""One container of `stockade try`, as somebody outside sees it."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

# What try writes for an action that the profile denied, and for a container that the plugin refused.
TOLD = re.compile(r"^stockade try: (killed|refused|dropped) |^stockade try: plugin refused ", re.MULTILINE)
# Of a request that nobody answers.
REQUEST_SECONDS = 5


class Failure(Exception):
    """A workload did not do its work."""


class Container:
    def __init__(self, machine, part, options: list[str], work: pathlib.Path, log: pathlib.Path):
        self.machine, self.part, self.log = machine, part, log
        self.root = machine.images[part.image]
        self.status_file = work / f"{part.name}.status"
        command = [
            machine.stockade, "try", "--rootfs", self.root, "--name", part.name, "--status", self.status_file,
            "--timeout", str(machine.limit_seconds * 2), *options, "--", *part.command,
        ]  # fmt: skip
        with log.open("w", encoding="utf-8") as file:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int | None:
        """Of the container's first process, once it has one."""
        try:
            return int(re.search(r"^Pid:\s+(\d+)$", self.status_file.read_text(), re.MULTILINE)[1])
        except (FileNotFoundError, TypeError):
            return None

    def answer(self, request: list[str]) -> str:
        """What the container answers to a program of its image that runs in its network, and which no profile binds."""
        if self.pid is None:
            return ""
        command = ["nsenter", f"--net=/proc/{self.pid}/ns/net", "chroot", self.root, *request]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                  timeout=REQUEST_SECONDS * self.machine.slowness)  # fmt: skip
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout

    def wait_for(self, what: str, is_so) -> None:
        until = time.monotonic() + self.machine.limit_seconds
        while not is_so():
            if self.process.poll() is not None:
                raise Failure(f"{self.part.name} ended with {self.process.returncode} before {what}")
            if time.monotonic() > until:
                raise Failure(f"{self.part.name} runs, but after {self.machine.limit_seconds} s not {what}")
            time.sleep(0.1)

    def serve(self, asks) -> None:
        """Waits until each request is answered as it should be, and the container has said what it should."""
        for request, expected in asks:
            self.wait_for(f"{' '.join(request)} gave {expected!r}", lambda: self.answer(request) == expected)
        self.wait_for(f"it said {self.part.says!r}", lambda: self.part.says in self.output)

    def end(self) -> None:
        """Sends the signal with which the image is stopped. The container has to end as it does then."""
        if self.part.stop is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, self.part.stop)
        try:
            status = self.process.wait(self.machine.limit_seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.part.name} does not end") from None
        if status != self.part.status or self.part.says not in self.output:
            raise Failure(f"{self.part.name} ended with {status} instead of {self.part.status}")

    def is_told(self) -> bool:
        """Whether what the profile denied was told."""
        return TOLD.search(self.output) is not None

    def remove(self) -> None:
        """The second signal kills what does not end."""
        for _ in range(2):
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                time.sleep(0.1)
        self.process.wait()
