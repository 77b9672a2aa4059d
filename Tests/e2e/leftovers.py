#!/usr/bin/python3
"""What the machine holds that the tests or the plugin could leave: cgroups, mounts, processes, BPF objects, pins.

    Tests/e2e/leftovers.py look > FILE     writes down what there is
    Tests/e2e/leftovers.py since < FILE    prints what there is more, and fails if there is
"""

import contextlib
import json
import pathlib
import subprocess
import sys

import host

SETTLE_SECONDS = 10
# Of this run; and of any test of ours.
POD_CGROUPS = ("kubepods", "k8s.io", "stockade-e2e")
OUR_CGROUPS = ("kubepods", "k8s.io", "stockade")
OUR_PROCESSES = ("stockade", "containerd", "runc", "probe", "attack")


def bpf_objects(kind: str) -> dict[str, str]:
    """The kernel's BPF objects of one kind by id."""
    return {f"{kind} {entry['id']}": describe(entry) for entry in bpf_list(kind)}


def bpf_list(kind: str) -> list[dict]:
    """The kernel's BPF objects of one kind ("prog", "link" or "map"), as bpftool sees them."""
    command = ["/usr/sbin/bpftool", "--json", kind, "show"]
    # It fails where an object goes while it looks.
    answer = host.wait_until("a list of BPF objects", lambda: listed(command), SETTLE_SECONDS)
    return json.loads(answer.stdout or "[]")


def listed(command: list[str]) -> subprocess.CompletedProcess | None:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if answer.returncode else answer


def describe(entry: dict) -> str:
    words = (entry.get("type"), entry.get("name"), entry.get("attach_type"))
    return " ".join(str(word) for word in words if word)


def pins() -> dict[str, str]:
    return {f"pin {path}": "" for path in host.below(host.BPF_FILES)}


def mounts() -> dict[str, str]:
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return {f"mount {line.split()[4]}": line.rpartition(" - ")[2] for line in lines}


def processes() -> dict[str, str]:
    """Those that run one of our programs, whoever started them."""
    commands = {pid: host.command_of(pid) for pid in host.all_pids() if not host.is_zombie(pid)}
    programs = {pid: pathlib.Path(line.split(" ")[0]).name for pid, line in commands.items()}
    return {f"process {pid}": commands[pid] for pid, name in programs.items() if name.startswith(OUR_PROCESSES)}


def look_inside() -> dict[str, str]:
    """What there is in this mount namespace, by a name that says what it is. Whoever looks knows its processes."""
    return cgroups(POD_CGROUPS) | pins() | mounts()


def look() -> dict[str, str]:
    """What there is on the machine. Only true while nobody else works with BPF there."""
    objects = bpf_objects("prog") | bpf_objects("link") | bpf_objects("map")
    return cgroups(OUR_CGROUPS) | pins() | mounts() | objects | processes()


def cgroups(names: tuple[str, ...]) -> dict[str, str]:
    """Those with such a name, or below one."""
    found = [folder for folder in host.cgroups() if any(part.startswith(names) for part in pathlib.Path(folder).parts)]
    return {f"cgroup {folder}": "" for folder in found}


def since(before: dict[str, str], look=look) -> list[str]:
    """What is there now and was not before, once it has had time to go."""

    def new() -> list[str]:
        return [f"{name} {text}".strip() for name, text in look().items() if name not in before]

    with contextlib.suppress(TimeoutError):
        host.wait_until("the machine to be as before", lambda: not new(), SETTLE_SECONDS)
    return new()


# ---- the plugin's own pins ----

PINS = host.BPF_FILES / "stockade"
# Maps with entries for a container or its policy. The others belong to none: counters, keys, the ring buffer.
CONTAINER_MAPS = {"containers", "entrypoints", "gates", "sandboxes", "rate"}
# Of profiles: no container has these any more a while before they go.
POLICY_MAPS = {"policies", "path_rules", "arguments", "egress4", "egress6", "ingress4", "ingress6"}


def entries(pinned_map: pathlib.Path) -> list[dict]:
    """None of a map whose pin goes meanwhile."""
    command = ["/usr/sbin/bpftool", "--json", "map", "dump", "pinned", pinned_map]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        if pinned_map.exists():
            answer.check_returncode()
        return []
    # The map's BTF lets bpftool name the fields.
    return [entry.get("formatted", entry) for entry in json.loads(answer.stdout or "[]")]


def value_bytes(pinned_map: pathlib.Path) -> int:
    command = ["/usr/sbin/bpftool", "--json", "map", "show", "pinned", pinned_map]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["bytes_value"]


def bound(cgroup_id: int | None = None, names: set[str] = CONTAINER_MAPS | POLICY_MAPS) -> list[str]:
    """What the plugin still holds for containers, or for one: pins of links, a folder a cgroup, and map entries."""
    pinned = host.below(PINS)
    links = [path for path in pinned if path.parent.name.isdigit()]
    maps = [path for path in pinned if path.name in names]
    rows = [(path.name, entry) for path in maps for entry in entries(path)]
    if cgroup_id is not None:
        links = [path for path in links if path.parent.name == str(cgroup_id)]
        rows = [(name, entry) for name, entry in rows if entry.get("key") == cgroup_id]
    return [str(path) for path in links] + [f"{name}: {json.dumps(entry)}" for name, entry in rows]


def main() -> int:
    if sys.argv[1:] == ["look"]:
        json.dump(look(), sys.stdout)
        return 0
    if sys.argv[1:] == ["since"]:
        problems = since(json.load(sys.stdin))
        print("".join(f"left behind: {problem}\n" for problem in problems), end="")
        return 1 if problems else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
