"""What there is of Stockade at one moment: in the kernel, and of its process."""

import contextlib
import os
import pathlib
import re
import subprocess

import container
import host
import leftovers
from node import PINS, Node

# Maps whose rows are of containers, of their processes or of policies.
ROW_MAPS = leftovers.CONTAINER_MAPS | leftovers.POLICY_MAPS | {
    "flows", "recordings", "stray_counts", "strays", "volumes"}
# What is counted, by the words of the table. When no container is left, each is what it was after the warm-up.
COUNTS = ("BPF links", "BPF programs", "BPF maps", "rows of maps", "pins", "descriptors", "inotify watches", "threads",
          "mounts", "cgroups", "dying cgroups")
RESIDENT, PRIVATE = "resident, KiB", "private, KiB"


def sample(node: Node) -> dict[str, int]:
    """By the words of the table."""
    process = pathlib.Path(f"/proc/{node.process.pid}")
    descriptors = described(process)
    objects = bpf_objects(descriptors)
    status = (process / "status").read_text()
    return {
        "BPF links": len(objects["link"]),
        "BPF programs": len(objects["prog"]),
        "BPF maps": len(objects["map"]),
        "rows of maps": sum(rows().values()),
        "pins": len(host.below(PINS)),
        "descriptors": len(os.listdir(process / "fd")),
        "inotify watches": descriptors.count("inotify wd:"),
        "threads": number("Threads", status),
        "mounts": len((process / "mountinfo").read_text().splitlines()),
        "cgroups": cgroups(node),
        "dying cgroups": dying(),
        RESIDENT: number("VmRSS", status),
        PRIVATE: number("RssAnon", status),
    }


def number(name: str, text: str) -> int:
    return int(re.search(rf"^{name}:?\s+(\d+)", text, re.MULTILINE)[1])


def described(process: pathlib.Path) -> str:
    """What the kernel says of each descriptor."""
    texts = []
    for file in (process / "fdinfo").iterdir():
        # It may be closed by now.
        with contextlib.suppress(OSError):
            texts.append(file.read_text())
    return "".join(texts)


def bpf_objects(descriptors: str) -> dict[str, set[int]]:
    """Of this Stockade, whoever holds them: the maps that its process has open, the programs that use one of them, and
    the links of these. Somebody else may work with BPF at the same time."""
    maps = {int(number) for number in re.findall(r"^map_id:\s+(\d+)", descriptors, re.MULTILINE)}
    used = {entry["id"]: set(entry.get("map_ids", [])) for entry in leftovers.bpf_list("prog")}
    programs = {program for program, those in used.items() if those & maps}
    links = {entry["id"] for entry in leftovers.bpf_list("link") if entry.get("prog_id") in programs}
    return {"link": links, "prog": programs, "map": maps.union(*(used[program] for program in programs))}


def rows() -> dict[str, int]:
    """How many each map has."""
    paths = [path for path in PINS.iterdir() if path.name in ROW_MAPS]
    return {path.name: host.wait_until(f"the rows of {path}", lambda path=path: rows_of(path))[0] for path in paths}


def rows_of(path: pathlib.Path) -> list[int] | None:
    """None where bpftool met a row that went while it looked."""
    with contextlib.suppress(subprocess.CalledProcessError):
        return [len(leftovers.entries(path))]
    return None


def cgroups(node: Node) -> int:
    """Of the pods, and those that Stockade makes to prove its tier."""
    probes = [path for path in host.unified().glob("stockade-probe-*") if node.is_ours(path)]
    return sum(1 for _ in os.walk(host.unified() / container.PARENT)) + len(probes)


def dying() -> int:
    """Cgroups of pods that were removed, and that something in the kernel still holds."""
    return number("nr_dying_descendants", (host.unified() / container.PARENT / "cgroup.stat").read_text())
