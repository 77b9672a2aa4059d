#!/usr/bin/python3
"""
Measures in a guest of hack/vm -i what tasks pay without Stockade and beside each of two, in turns, and prints a line of
JSON for each turn.

    inside.py IMAGE PROFILE ROUNDS BASE NEW

There are three tasks: `host`, in the node's own mounts; `container`, in mounts and a cgroup of its own, of which
Stockade knows nothing; and `confined`, under the profile, where there is a Stockade.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

CGROUP = pathlib.Path("/sys/fs/cgroup/costs")
# As `stockade try` has it: an overlay whose changes go to memory.
CONTAINER = """
echo $$ >"$1/cgroup.procs" && mount -t tmpfs costs "$3" && mkdir "$3/upper" "$3/work" "$3/root" &&
mount -t overlay -o "lowerdir=$2,upperdir=$3/upper,workdir=$3/work" costs "$3/root" &&
exec chroot "$3/root" /bin/costs ''
"""


def medians(text):
    return {name: int(median) for name, median in (line.split() for line in text.splitlines())}


def run(*command):
    return medians(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def others(image, folder):
    """What tasks pay that Stockade does not confine."""
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    return {
        "host": run(image / "bin/costs", image),
        "container": run("unshare", "--mount", "sh", "-c", CONTAINER, "sh", CGROUP, image, scratch),
    }


def beside(stockade, image, profile, folder):
    """The same while a container is confined, and what that one's task pays."""
    fifo = folder / "fifo"
    if not fifo.exists():
        os.mkfifo(fifo)
    command = [stockade, "try", "--profile", profile, "--rootfs", image, "--mount", f"{folder}:/vol", "--",
               "/bin/costs", "", "/vol/fifo"]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as container:
        lines = []
        for line in container.stdout:
            if line == "done\n":
                break
            lines.append(line)
        else:
            sys.exit(f"{stockade} ended with status {container.wait()}")
        found = {**others(image, folder), "confined": medians("".join(lines))}
        fifo.write_text("", encoding="ascii")
    return found


def tier(stockade):
    done = subprocess.run(["unshare", "--mount", stockade, "doctor", "-o", "json"], stdout=subprocess.PIPE, check=False)
    return next(each["found"].partition(",")[0] for each in json.loads(done.stdout) if each["subject"] == "tier")


def main():
    image, profile = map(pathlib.Path, sys.argv[1:3])
    rounds, binaries = int(sys.argv[3]), {"base": sys.argv[4], "new": sys.argv[5]}
    CGROUP.mkdir()
    tiers = {binary: tier(binary) for binary in set(binaries.values())}
    print(json.dumps({"tier": {name: tiers[binary] for name, binary in binaries.items()}}), flush=True)
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = pathlib.Path(name)
        # In memory: the guest's file tree is served by another program, and waiting for that would be counted.
        image = shutil.copytree(image, folder / "image")
        others(image, folder)  # the first to run pays for what the kernel has not done yet
        for _ in range(rounds):
            print(json.dumps({"with": "none", "costs": others(image, folder)}), flush=True)
            for name, binary in binaries.items():
                print(json.dumps({"with": name, "costs": beside(binary, image, profile, folder)}), flush=True)


if __name__ == "__main__":
    main()
