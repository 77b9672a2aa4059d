#!/usr/bin/python3
"""
Measures in a guest of hack/vm -i what tasks pay for what they do, and prints a line of JSON for each measurement.

    guest.py [--short | --programs] NAME=STOCKADE...

There are three kinds of tasks: `host`, in the node's own mounts; `unconfined`, in a container of which Stockade knows
that it has no profile; and those that are confined by a profile of so many rules. `with` says beside what they were
measured: `none`, `empty` and `floor` (programs/floors.bpf.c), or the name of a Stockade. With --programs it is said
instead which BPF programs an act runs, how often, and how many instructions each run takes.
"""

import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import pods  # noqa: E402
import runtime  # noqa: E402

# A profile's name is the name of its task in the table.
PROFILES = {"confined, 1 rule, no files": {"rules": 1}} | {
    f"confined, {rules} rule{'s' if rules > 1 else ''}": {"rules": rules, "files": True, "network": True}
    for rules in (1, 1000, 4096)
}
SHORT = ("confined, 1 rule, no files", "confined, 1 rule", "confined, 4096 rules")
ACTS = ("fork", "exec-static", "exec-dynamic", "open-30/6", "open-250/50", "mmap-code", "socket", "connect", "packet")
TIMES = 61  # that acts.c performs an act
CROWD = 500
CROWDED = "confined, 1 rule"
OF_CROWD = "confined, 1 rule, no files"  # attaches nothing, so that 500 are there soon


def slug(task):
    return task.replace(", ", "-").replace(" ", "-")


def tell(beside, task, text):
    costs = {name: int(median) for name, median in (line.split() for line in text.splitlines())}
    print(json.dumps({"with": beside, "task": task, "costs": costs}), flush=True)


def program_counts():
    """How often each program has run by now, and for how many instructions."""
    listing = subprocess.run(["bpftool", "--json", "prog", "show"], check=True, stdout=subprocess.PIPE).stdout
    found = collections.Counter()
    for program in json.loads(listing):
        if program.get("name"):
            found[program["name"], "runs"] += program.get("run_cnt", 0)
            found[program["name"], "instructions"] += program.get("run_time_ns", 0)
    return found


class Guest:
    """What is measured in one folder of the guest's memory: its file tree is served by another program, and waiting
    for that would be counted."""

    def __init__(self, folder, short):
        self.folder, self.short = folder, short
        # The floors are of BPF LSM, and a crowd takes a minute to come: once is enough.
        lsm = pathlib.Path("/sys/kernel/security/lsm").read_text(encoding="ascii")
        self.whole = not short and "bpf" in lsm.strip().split(",")
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        pods.Pod.image = shutil.copytree(pods.IMAGE, folder / "image", symlinks=True)
        pods.Pod.payload = shutil.copy(pods.BUILT / "payload", folder / "payload")

    def host(self, beside):
        """What a task of the node pays."""
        command = ["chroot", pods.Pod.image, "/bin/acts", ""]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        if beside:
            tell(beside, "host", done.stdout)

    def in_pod(self, beside, task, plugin=None, profile=None, act=None):
        """With `act`, what programs did for that one, and for what else the process did."""
        pod = pods.Pod(self.scratch, profile)
        pod.make_cgroups()
        pod.run("/bin/acts", "", *([act] if act else []))
        if plugin:
            pod.start(plugin)
        before = program_counts() if act else None
        text = pod.output()
        counted = program_counts() - before if act else None
        if plugin:
            pod.end(plugin)
        else:
            pod.remove_container_cgroups()
            pod.remove_pod_cgroups()
        if beside:
            tell(beside, task, text)
        return counted

    def programs(self, name, binary):
        """What programs a confined task runs."""
        pathlib.Path("/proc/sys/kernel/bpf_stats_enabled").write_text("1", encoding="ascii")
        plugin = self.start(name, binary)
        plugin.settle()
        for task in ("unconfined", *SHORT):
            profile = slug(task) if task in PROFILES else None
            nothing = self.in_pod(None, task, plugin, profile, act="none")
            for act in ACTS:
                found = self.in_pod(None, task, plugin, profile, act=act) - nothing
                costs = {program: (found[program, "runs"] / TIMES, found[program, "instructions"] / TIMES)
                         for program, what in found if what == "runs"}  # fmt: skip
                print(json.dumps({"with": name, "task": task, "act": act, "programs": costs}), flush=True)
        plugin.end()

    def floors(self):
        for kind in ("empty", "floor"):
            pod = pods.Pod(self.scratch)
            pod.make_cgroups()
            command = [pods.BUILT / "floors", pods.BUILT / "floors.bpf.o", f"{kind}_", pod.cgroups[0].parent]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as floors:
                assert floors.stdout.readline() == "ready\n", f"the programs {kind}_* could not be attached"
                pod.run("/bin/acts", "")
                tell(kind, "unconfined", pod.output())
                pod.remove_container_cgroups()
                floors.stdin.close()
            pod.remove_pod_cgroups()

    def start(self, name, binary):
        """A Stockade with the profiles, in a folder of its own."""
        here = self.folder / name
        profiles = {slug(task): pods.profile(slug(task), **what) for task, what in PROFILES.items()}
        arguments = pods.configure(here, profiles)
        with (here / "log").open("w", encoding="utf-8") as log:
            return runtime.Plugin([binary, *arguments], here / "nri.sock", log=log)

    def beside(self, name, binary):
        """What tasks pay beside one Stockade."""
        plugin = self.start(name, binary)
        costs = int(plugin.processor_seconds() * 1e9)  # without what it waited for
        tier = plugin.settle()["tier"]["proved"]
        print(json.dumps({"with": name, "tier": tier}), flush=True)
        tell(name, "stockade", f"registered {costs}\n")
        kept = pods.Pod(self.scratch, slug(CROWDED))  # a node on which nothing is confined may leave programs out
        kept.make_cgroups()
        kept.run("/bin/acts", "")
        kept.start(plugin)
        self.host(name)
        self.in_pod(name, "unconfined", plugin)
        for task in SHORT if self.short else PROFILES:
            self.in_pod(name, task, plugin, slug(task))
        crowd = [kept]
        if self.whole:
            crowd += self.crowd(plugin)
            self.in_pod(name, f"{CROWDED}, {CROWD} containers", plugin, slug(CROWDED))
        for pod in crowd:
            pod.kill()
            pod.end(plugin)
        status = plugin.end()
        assert status == 0, f"it ended with status {status}"

    def crowd(self, plugin):
        found = []
        for _ in range(CROWD - 1):
            pod = pods.Pod(self.scratch, slug(OF_CROWD))
            pod.make_cgroups()
            pod.run()
            pod.start(plugin)
            found.append(pod)
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--programs", action="store_true")
    parser.add_argument("binaries", metavar="NAME=STOCKADE", nargs="+")
    options = parser.parse_args()
    # Where a program lies in its memory decides how many page tables it has, and so what a fork costs.
    pathlib.Path("/proc/sys/kernel/randomize_va_space").write_text("0", encoding="ascii")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        guest = Guest(pathlib.Path(name), options.short)
        if not options.programs:
            for beside in (None, "none"):  # the first to run pays for what the kernel has not done yet
                guest.host(beside)
                guest.in_pod(beside, "unconfined")
            if guest.whole:
                guest.floors()
        for name, binary in (word.split("=") for word in options.binaries):
            try:
                (guest.programs if options.programs else guest.beside)(name, binary)
            except (AssertionError, OSError, EOFError, runtime.Refused) as error:
                log = (guest.folder / name / "log").read_text(encoding="utf-8")
                sys.exit(f"{binary}: {error}; the end of its log:\n{log[-2000:]}")


if __name__ == "__main__":
    main()
