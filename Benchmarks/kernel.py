"""
How many instructions tasks pay for what they do, on other kernels: boots hack/vm, runs guest.py there, and makes rows
of what it says. An emulated processor tells no time, but where it counts instructions the numbers hardly differ from
run to run, whatever else the machine does. Only the kernel's work is in them, so it does not matter how the binaries
were built.
"""

import dataclasses
import json
import shlex
import subprocess
import sys

from messages import CHECKOUT

# A boot is 6.1, 6.12, 6.12-full or 7, and bpf or nobpf, as in Tests/attacks/run: at tier lsm, and at tier signal.
BOOTS = ("6.12,bpf", "6.12-full,nobpf")
WITHOUT_BPF = "lsm=landlock,lockdown,yama,loadpin,safesetid,integrity,apparmor"
BOOT_LIMIT_SECONDS = 1500
# The floors are compared with what the same container pays without them.
FLOORS = {"empty": "an empty program", "floor": "storage, path, look-up"}


@dataclasses.dataclass
class Measured:
    """One boot's records: the kernel's version, the tiers of the binaries, and the costs by binary, task and act."""

    boot: str
    kernel: str
    tiers: dict
    costs: dict

    @property
    def tier(self):
        return next(iter(self.tiers.values()))


def version_for(boot):
    """None: there is no such kernel, and hack/vm-kernels has said so."""
    command = [CHECKOUT / "hack/vm-kernels", boot.partition(",")[0].partition("-")[0]]
    words = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return words[2] if words else None


def records(boot, binaries, *options):
    """What guest.py says on that boot. `binaries`: files by the name that they have in the records."""
    name, lsm = boot.split(",")
    name, _, model = name.partition("-")
    arguments = [*([WITHOUT_BPF] if lsm == "nobpf" else []), *([f"preempt={model}"] if model else [])]
    inside = [CHECKOUT / "Benchmarks/guest.py", *options]
    inside += [f"{name}={binary}" for name, binary in binaries.items()]
    folders = [word for binary in binaries.values() for word in ("-s", binary.parent)]
    command = [CHECKOUT / "hack/vm", "-i", "-m", "2G", "-t", BOOT_LIMIT_SECONDS, "-a", " ".join(arguments), *folders]
    command += [name, shlex.join(map(str, inside))]
    with subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as guest:
        for line in guest.stdout:
            if line.startswith("{"):
                yield json.loads(line)
            else:
                print(f"{boot}: {line}", end="", file=sys.stderr)
    if guest.returncode != 0:
        sys.exit(f"{boot}: ended with status {guest.returncode}")


def measure(boot, binaries, short):
    """None: there is no such kernel."""
    kernel = version_for(boot)
    if kernel is None:
        return None
    found = Measured(boot, kernel, {}, {})
    for record in records(boot, binaries, *(["--short"] if short else [])):
        if "tier" in record:
            found.tiers[record["with"]] = record["tier"]
        else:
            found.costs.setdefault(record["with"], {})[record["task"]] = record["costs"]
    return found


def rows(found, name):
    """For each task and act: the task, the act, what it costs without a Stockade, and beside that one."""
    nothing = found.costs["none"]
    kinds = {FLOORS[kind]: costs["unconfined"] for kind, costs in found.costs.items() if kind in FLOORS}
    for task, costs in (kinds | found.costs[name]).items():
        for act, instructions in costs.items():
            yield task, act, nothing["host" if task == "host" else "unconfined"].get(act), instructions
