#!/usr/bin/python3
"""
Prints how many instructions tasks pay for what they do: without Stockade, and beside each of two binaries of it. An
emulated processor tells no time, but where it counts instructions the numbers hardly differ from run to run, whatever
else the machine does. Only the kernel's work is in them, so it does not matter how the binaries were built.

    hack/bench --instructions [--rounds N] BASE NEW [KERNEL,LSM...]

A boot is 6.1, 6.12, 6.12-full or 7, and bpf or nobpf, as in Tests/attacks/run; without any, each that reaches another
tier: all but 6.12-full,bpf. It takes about four minutes.
"""

import argparse
import json
import pathlib
import shlex
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
IMAGE = CHECKOUT / "build/bench/image"
BOOTS = [f"{kernel},{lsm}" for kernel in ("6.1", "6.12", "7") for lsm in ("bpf", "nobpf")] + ["6.12-full,nobpf"]
ALL = [*BOOTS, "6.12-full,bpf"]
WITHOUT_BPF = "lsm=landlock,lockdown,yama,loadpin,safesetid,integrity,apparmor"
BOOT_LIMIT_SECONDS = 1500
WIDTH = 17


def compile_c(target, source, *options):
    command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-static", *options, "-o", target, source]
    subprocess.run(command, check=True)


def build_image():
    shutil.rmtree(IMAGE, ignore_errors=True)
    for folder in ("bin", "data/plain", "dev", "etc", "opt", "proc", "sys", "tmp", "vol"):
        (IMAGE / folder).mkdir(parents=True)
    compile_c(IMAGE / "bin/costs", HERE / "costs.c", "-pthread")
    for name in ("program", "judged"):
        compile_c(IMAGE / "opt" / name, CHECKOUT / "Tests/attacks/image/tiny.c", "-nostdlib")
    (IMAGE / "data/plain/file").write_text("content\n", encoding="ascii")


def measure(boot, options):
    """The records of one boot."""
    kernel, lsm = boot.split(",")
    kernel, _, model = kernel.partition("-")
    arguments = [*([WITHOUT_BPF] if lsm == "nobpf" else []), *([f"preempt={model}"] if model else [])]
    inside = [HERE / "inside.py", IMAGE, HERE / "costs.yaml", options.rounds, options.base, options.new]
    folders = [word for binary in (options.base, options.new) for word in ("-s", binary.parent)]
    command = [CHECKOUT / "hack/vm", "-i", "-m", "2G", "-t", BOOT_LIMIT_SECONDS, "-a", " ".join(arguments), *folders]
    command += [kernel, shlex.join(map(str, inside))]
    command = [str(word) for word in command]
    records = []
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as guest:
        for line in guest.stdout:
            if line.startswith("{"):
                records.append(json.loads(line))
            else:
                print(f"{boot}: {line}", end="", file=sys.stderr)
    if guest.returncode != 0:
        sys.exit(f"{boot}: ended with status {guest.returncode}")
    return records


def cells(records, binary, task, act):
    """What was found in each round."""
    return [record["costs"][task][act] for record in records if record.get("with") == binary]


def spread(found):
    return (max(found) - min(found)) / statistics.median(found)


def print_boot(boot, records):
    tiers = records[0]["tier"]
    tier = tiers["new"] if tiers["new"] == tiers["base"] else f"{tiers['base']} and {tiers['new']}"
    rounds = len(cells(records, "new", "host", "open"))
    print(f"\n{boot}, tier {tier}: instructions, medians of {rounds} rounds; in brackets by how much those differ")
    titles = ("none", "base", "new", "base/none", "new/none", "new/base")
    print(f"{'task':10}{'act':16}" + "".join(f"{title:>{WIDTH}}" for title in titles))
    for task in ("host", "container", "confined"):
        for act in records[1]["costs"]["host"]:
            # Without Stockade none is confined: what it would be then is a container.
            none = cells(records, "none", "container" if task == "confined" else task, act)
            base, new = cells(records, "base", task, act), cells(records, "new", task, act)
            medians = [statistics.median(each) for each in (none, base, new)]
            ratios = (medians[1] / medians[0], medians[2] / medians[0], medians[2] / medians[1])
            texts = [f"{median:.0f} ({spread(found):.1%})" for median, found in zip(medians, (none, base, new))]
            texts += [f"{ratio:.3f}" for ratio in ratios]
            print(f"{task:10}{act:16}" + "".join(f"{text:>{WIDTH}}" for text in texts), flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, metavar="N")
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("boots", metavar="KERNEL,LSM", nargs="*")
    options = parser.parse_args()
    options.base, options.new = options.base.resolve(strict=True), options.new.resolve(strict=True)
    options.boots = options.boots or BOOTS
    if unknown := [boot for boot in options.boots if boot not in ALL]:
        parser.error(f"no such boot: {unknown[0]}; there are {', '.join(ALL)}")
    return options


def main():
    options = parse()
    build_image()
    for boot in options.boots:
        print_boot(boot, measure(boot, options))


if __name__ == "__main__":
    main()
