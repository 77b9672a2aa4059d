#!/usr/bin/python3
"""
Measures on this machine what a plugin costs its runtime and its node: Stockade beside a plugin that does nothing
(programs/noop.c), in turns. Prints a line of JSON for each row of the table: what was measured, under which condition,
the unit, the number of what it is compared with (null: nothing), and Stockade's.

    native.py STOCKADE FILTER GOSTUB UNSTRIPPED

FILTER is the default filter of Podman, Buildah and CRI-O: hack/fetch-filters. GOSTUB is a plugin that does nothing with
NRI's own Go library: hack/fetch-go-stub. UNSTRIPPED is the same Stockade with the names of its functions. Each of the
three may be empty. `run` starts this program in a mount namespace of its own with an own BPF file system, so that it
meets no other Stockade.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import filters  # noqa: E402
import parts  # noqa: E402
import pods  # noqa: E402
import runtime  # noqa: E402

CONTAINERS = 500
GATES = (0, 100, CONTAINERS)
SYNCHRONIZED = (0, 100, CONTAINERS, 1000)
RULES = (1, 1000, 4096)
SAMPLES = 21
LOOKED_AT = 200  # pods, while perf looks
STARTS = 5
SETTLE_SECONDS = 15  # for the two looks at a new container after which the kernel tells of its end
IDLE_SECONDS = 20
PROFILES = {f"rules-{rules}": pods.profile(f"rules-{rules}", rules) for rules in RULES}
PROFILES |= {
    f"first-{rules}-{number}": pods.profile(f"first-{rules}-{number}", rules)
    for rules in RULES for number in range(STARTS)
}  # fmt: skip
PROFILES["network"] = pods.profile("network", 1, network=True)
AUDIT = "  process:\n    rules:\n    - {path: /opt/program, action: Audit}\n"
PROFILES["audit"] = pods.profile("audit", 0).partition("  process:")[0] + AUDIT
CONTAINER_CALLS = ("CreateContainer", "StartContainer", "StopContainer", "RemoveContainer")
CALLS = ("RunPodSandbox", *CONTAINER_CALLS, "StopPodSandbox", "RemovePodSandbox")


def tell(what, condition, unit, found, base=None):
    print(json.dumps({"what": what, "condition": condition, "unit": unit, "base": base, "found": found}), flush=True)


def typical(samples):
    """The lower quartile: a machine that does other things as well makes some samples longer, and none shorter."""
    return statistics.quantiles(samples, n=4)[0]


class Node:
    """Both plugins, what runs, and the folder with everything that is theirs."""

    def __init__(self, binary, go_stub, folder):
        self.binary, self.go_stub, self.folder = binary, go_stub, folder
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.few = pods.configure(folder / "few", {"rules-1": PROFILES["rules-1"]})
        self.many = pods.configure(folder / "many", {name: PROFILES[name] for name in ("rules-1", "rules-4096")})
        self.all = pods.configure(folder / "all", PROFILES)
        self.pods = []
        self.stockade = self.noop = self.go = self.looks = None

    def stockade_starts(self, arguments, listed=()):
        about = {"pods": [pod.pod for pod in listed], "containers": [pod.container for pod in listed]}
        with (self.folder / "log").open("a", encoding="utf-8") as log:
            plugin = runtime.Plugin([self.binary, *arguments], self.folder / "nri.sock", log=log, **about)
        plugin.settle()
        return plugin

    def noop_starts(self, listed=()):
        about = {"pods": [pod.pod for pod in listed], "containers": [pod.container for pod in listed]}
        return runtime.Plugin([pods.BUILT / "noop", "SOCKET"], self.folder / "noop.sock", **about)

    def go_starts(self):
        if self.go_stub:
            self.go = runtime.Plugin([self.go_stub, "SOCKET"], self.folder / "go.sock", old=True)

    def call(self, times, turn, method, pod):
        """All plugins, who goes first by turns."""
        message = pod.event(container=method in CONTAINER_CALLS)
        plugins = [(name, getattr(self, name)) for name in ("stockade", "noop", "go") if getattr(self, name)]
        for name, plugin in reversed(plugins) if turn % 2 else plugins:
            began = time.monotonic()
            seconds = plugin.call(method, message)[1]
            if self.looks and name == "stockade":
                self.looks.note(method, began, time.monotonic() - began)
            times.setdefault((method, name), []).append(seconds * 1e6)

    def life(self, profile, times, turn):
        """A pod's, from its beginning to its end."""
        pod = pods.Pod(self.scratch, profile)
        pod.make_cgroups()
        self.call(times, turn, "RunPodSandbox", pod)
        self.call(times, turn, "CreateContainer", pod)
        pod.run()
        self.call(times, turn, "StartContainer", pod)
        pod.kill()
        self.call(times, turn, "StopContainer", pod)
        pod.remove_container_cgroups()
        self.call(times, turn, "RemoveContainer", pod)
        self.call(times, turn, "StopPodSandbox", pod)
        pod.remove_pod_cgroups()
        self.call(times, turn, "RemovePodSandbox", pod)

    def fill(self, count, profile="rules-1"):
        """Until so many pods run, each with a gate and a container."""
        while len(self.pods) < count:
            self.pods.append(self.add(profile))

    def add(self, profile):
        pod = pods.Pod(self.scratch, profile)
        pod.make_cgroups()
        pod.run("/bin/acts", "wait")
        pod.start(self.stockade)
        pod.begin()
        return pod

    def end(self):
        for pod in self.pods:
            pod.kill()
            pod.end(self.stockade)
        self.pods = []

    def close(self):
        """Leaves nothing behind, whatever went wrong."""
        for plugin in (self.stockade, self.noop, self.go):
            if plugin and plugin.process.poll() is None:
                plugin.process.kill()
        for pod in list(pods.Pod.living):
            pod.kill()
        for folder in pods.hierarchies():
            for top, _, _ in os.walk(folder / pods.TOP, topdown=False):
                os.rmdir(top)


def tell_calls(times, condition, calls=CALLS):
    for method in calls:
        tell(method, condition, "us", *(typical(times[method, name]) for name in ("stockade", "noop")))
    for method in calls if (calls[0], "go") in times else ():
        tell(f"{method}, NRI's Go library", condition, "us", *(typical(times[method, name]) for name in ("go", "noop")))


def starts(node):
    """From the program's start to the call by which it registers, with one small profile."""
    seconds = {"stockade": [], "noop": []}
    for _ in range(STARTS):
        for name in seconds:
            plugin = node.stockade_starts(node.few) if name == "stockade" else node.noop_starts()
            seconds[name].append(plugin.seconds_to_register * 1000)
            plugin.end()
    tell("start to registered", "", "ms", *map(typical, seconds.values()))


def map_bytes(plugin):
    """What the kernel says of each map that the process has open."""
    found = {}
    for file in pathlib.Path(f"/proc/{plugin.process.pid}/fdinfo").iterdir():
        fields = dict(line.split(":", 1) for line in file.read_text(encoding="ascii").splitlines() if ":" in line)
        if "map_id" in fields:
            found[fields["map_id"]] = int(fields["memlock"])
    return sum(found.values())


def used_while_idle(plugin):
    time.sleep(SETTLE_SECONDS)
    before, since = plugin.processor_seconds(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return (plugin.processor_seconds() - before) / (time.monotonic() - since) * 100


def memory(node):
    """Of the daemon and of its maps: with nothing, for each container, and for each rule."""
    node.stockade, node.noop = node.stockade_starts(node.few), node.noop_starts()
    found = []
    for count in (0, CONTAINERS):
        node.fill(count)
        tell("processor while idle", f"{count} containers", "%", used_while_idle(node.stockade))
        found.append((node.stockade.resident_bytes(), map_bytes(node.stockade)))
        resident = (node.stockade.resident_bytes() / 1e6, node.noop.resident_bytes() / 1e6)
        tell("resident memory", f"{count} containers", "MB", *resident)
        tell("memory of maps", f"{count} containers", "MB", found[-1][1] / 1e6)
    for index, what in enumerate(("resident memory", "memory of maps")):
        tell(what, "a container", "kB", (found[1][index] - found[0][index]) / CONTAINERS / 1e3)
    node.end()
    node.stockade.end()
    node.noop.end()
    node.stockade = node.stockade_starts(node.many)
    node.pods.append(node.add("rules-4096"))
    rules = max(RULES)
    for what, now, before in (("resident memory", node.stockade.resident_bytes(), found[0][0]),
                              ("memory of maps", map_bytes(node.stockade), found[0][1])):  # fmt: skip
        tell(what, "a rule", "B", (now - before) / rules)
    node.end()
    node.stockade.end()


def calls(node):
    for gates in GATES:
        node.fill(gates)
        if gates == CONTAINERS:
            node.go_starts()
        for rules in RULES:
            kept = node.add(f"rules-{rules}")  # a profile's first container is a row of its own
            times = {}
            for turn in range(SAMPLES):
                node.life(f"rules-{rules}", times, turn)
            tell_calls(times, f"{gates} gates, {rules} rules")
            kept.kill()
            kept.end(node.stockade)
            if node.go:  # what it costs depends on nothing
                tell("resident memory, NRI's Go library", "0 containers", "MB", node.go.resident_bytes() / 1e6,
                     node.noop.resident_bytes() / 1e6)  # fmt: skip
                node.go.end()
                node.go = None
    times = {}
    for turn in range(SAMPLES):
        node.life("network", times, turn)
    tell_calls(times, f"{CONTAINERS} gates, 1 rule for addresses", ("StartContainer", "StopContainer"))
    for rules in RULES:
        times = {}
        for number in range(STARTS):
            node.life(f"first-{rules}-{number}", times, number)
        tell_calls(times, f"a profile's first container, {rules} rules", ("CreateContainer", "StartContainer"))


def parts_of_calls(node):
    """Where the time of CreateContainer and StartContainer goes, with many gates and rules."""
    node.stockade, node.noop = node.stockade_starts(node.all), node.noop_starts()
    node.fill(CONTAINERS)
    rules = max(RULES)
    node.pods.append(node.add(f"rules-{rules}"))
    with parts.Looks(node.stockade.process.pid, node.folder) as node.looks:
        for turn in range(LOOKED_AT):
            node.life(f"rules-{rules}", {}, turn)
    for (method, part), microseconds in sorted(node.looks.microseconds().items(), key=lambda item: -item[1]):
        if method in ("CreateContainer", "StartContainer"):
            tell(f"{method}: {part}", f"{CONTAINERS} gates, {rules} rules", "us", microseconds)
    node.looks = None
    node.end()


def synchronize(node):
    """Both are started anew while containers run. Stockade finds its pins, and every container confined."""
    for count in reversed(SYNCHRONIZED):
        for pod in node.pods[count:]:
            pod.kill()
            pod.end(node.stockade)
        del node.pods[count:]
        node.fill(count)
        seconds = {"stockade": [], "noop": []}
        for _ in range(STARTS):
            node.stockade.end(kill=True)
            node.stockade = node.stockade_starts(node.few, node.pods)
            seconds["stockade"].append(node.stockade.seconds_to_synchronize * 1000)
            node.noop.end()
            node.noop = node.noop_starts(node.pods)
            seconds["noop"].append(node.noop.seconds_to_synchronize * 1000)
        tell("Synchronize", f"{count} containers", "ms", *map(typical, seconds.values()))


def until_quiet(plugin):
    """Waits until a plugin has done what it had begun."""
    before = plugin.processor_seconds()
    while True:
        time.sleep(0.5)
        now = plugin.processor_seconds()
        if now - before < 0.005:
            return now
        before = now


def events(node):
    """What an event costs the daemon: execs that are reported, less the same execs that are not."""
    used = {}
    for profile in ("rules-1", "audit"):
        before = until_quiet(node.stockade)
        for _ in range(STARTS):
            pod = pods.Pod(node.scratch, profile)
            pod.make_cgroups()
            pod.run("/bin/acts", "")
            pod.start(node.stockade)
            pod.output()
            pod.end(node.stockade)
        used[profile] = until_quiet(node.stockade) - before
    lines = (node.folder / "all/events").read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if '"audit"' in line]
    assert told, "no event was told"
    tell("processor time of an event", f"of {len(told)}", "us", (used["audit"] - used["rules-1"]) / len(told) * 1e6)


def reload(node):
    """What reading a changed profile costs the daemon, while a container has it."""
    for rules in RULES:
        name = f"rules-{rules}"
        arguments = pods.configure(node.folder / f"reload-{rules}", {name: PROFILES[name]})
        node.stockade = node.stockade_starts(arguments)
        node.pods.append(node.add(name))
        found = []
        for number in range(STARTS):
            before = until_quiet(node.stockade)
            changed = node.folder / "changed"
            changed.write_text(PROFILES[name].replace("evil", f"evil{number}"), encoding="ascii")
            os.replace(changed, node.folder / f"reload-{rules}/profiles/{name}.yaml")
            found.append((until_quiet(node.stockade) - before) * 1000)
        tell("processor time of a reload", f"{rules} rules", "ms", typical(found))
        node.end()
        node.stockade.end()


def main():
    binary, filter_file, go_stub, unstripped = sys.argv[1:]
    tell("size of the program", "", "MB", os.stat(binary).st_size / 1e6)
    for row in filters.rows(binary, filter_file):
        tell(*row)
    with tempfile.TemporaryDirectory(prefix="stockade-bench-") as name:
        node = Node(binary, go_stub, pathlib.Path(name))
        try:
            starts(node)
            memory(node)
            reload(node)
            node.stockade, node.noop = node.stockade_starts(node.all), node.noop_starts()
            events(node)
            calls(node)
            synchronize(node)
            if unstripped:
                node.end()
                node.stockade.end()
                node.noop.end()
                node.binary = unstripped
                parts_of_calls(node)
        finally:
            node.close()


if __name__ == "__main__":
    main()
