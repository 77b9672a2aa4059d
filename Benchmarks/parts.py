"""What the parts of a call take: perf looks again and again where the plugin is, and each look counts for the part in
whose function it finds it."""

import bisect
import collections
import subprocess
import time

LOOKS_PER_SECOND = 5000
# Each look counts for the first of these parts of which it finds a function, from the caller to the called.
PARTS = {
    "what /proc tells of the process": (
        "ProcessView.init", "filterIsActive", "ProcessView.hasNetRaw", "LeftProcesses.", "Enforcer.locate"),
    "the container's mounts": ("ContainerVolumes.init",),
    "links of its root": ("Enforcer.links",),
    "choosing the profile": ("Plugin.choose",),
    "what of the profile holds here": (".assess(",),
    "writing to the kernel": ("Enforcer.open(",),
    "reading the call": ("PluginSession.read", "TrunkDecoder.", "PluginStateMachine.call", "Request.init"),
    "sending the answer": ("PluginService.answer", "Socket.send"),
}  # fmt: skip
REST = "the rest of the plugin"


class Looks:
    """Looks at a process while this is in force."""

    def __init__(self, pid, folder):
        self.file = folder / "looks"
        command = ["perf", "record", "--quiet", "-g", "--clockid", "CLOCK_MONOTONIC", "--freq", LOOKS_PER_SECOND,
                   "--output", self.file, "--pid", pid]  # fmt: skip
        self.pid, self.command, self.calls = pid, list(map(str, command)), []

    def __enter__(self):
        self.perf = subprocess.Popen(self.command)
        time.sleep(1)  # until it looks
        return self

    def __exit__(self, *_):
        self.perf.send_signal(2)
        self.perf.wait()

    def note(self, method, began, seconds):
        self.calls.append((began, began + seconds, method))

    def stacks(self):
        """The time and the functions of each look, the caller first."""
        command = ["perf", "script", "--input", self.file, "--tid", self.pid, "--fields", "time,ip,sym"]
        found = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True).stdout
        text = subprocess.run(["swift", "demangle", "--simplified"], input=found, stdout=subprocess.PIPE, check=True)
        for block in text.stdout.decode(errors="replace").strip().split("\n\n"):
            head, *lines = block.splitlines()
            yield float(head.strip().rstrip(":")), [line.strip().partition(" ")[2] for line in reversed(lines)]

    def microseconds(self):
        """What each part of each method takes, of a call on average."""
        self.calls.sort()
        begins = [call[0] for call in self.calls]
        counts = collections.Counter()
        for when, functions in self.stacks():
            index = bisect.bisect(begins, when) - 1
            if index >= 0 and when < self.calls[index][1]:
                counts[self.calls[index][2], part_of(functions)] += 1
        number = collections.Counter(method for _, _, method in self.calls)
        return {key: count * 1e6 / LOOKS_PER_SECOND / number[key[0]] for key, count in counts.items()}


def part_of(functions):
    for function in functions:
        for part, names in PARTS.items():
            if any(name in function for name in names):
                return part
    return REST
