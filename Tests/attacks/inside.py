#!/usr/bin/python3
"""
Tries the attacks on the kernel that runs, and prints a line of JSON for each: what was expected, and what happened.

    inside.py STOCKADE IMAGE CGROUP TIER [--open] [--executions N]

CGROUP is how cgroups are mounted: v2, hybrid or v1. TIER is the one that this kernel must reach, or any. With --open
the attacks are also tried where nothing is denied. With --executions nothing else is done than so many execs into a
running container, of a program that its profile allows: none may be refused.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import profiles
import table
from helper import Helper
from image import fill_volume

STAGE_LIMIT_SECONDS = 240
EXECUTION_LIMIT_SECONDS = 3
# Exit status of `stockade try` when the container did not start.
NOT_STARTED = 125
# What exit statuses of `runc exec` mean; where the kernel refuses to execute the command it has its own, by version.
EXEC_OUTCOMES = {"42": table.ALLOWED, "137": table.KILLED}
EXEC_DENIED = {"1": table.EACCES, "126": table.EACCES, "255": table.EACCES}


class Machine:
    def __init__(self, stockade, image, cgroup, folder):
        self.stockade, self.image, self.cgroup, self.folder = stockade, image, cgroup, folder

    def start(self, profile_text, options, command, limit_seconds=STAGE_LIMIT_SECONDS):
        """Runs a command in a container: its exit status, standard output and standard error."""
        profile = self.folder / "profile.yaml"
        profile.write_text(profile_text, encoding="utf-8")
        arguments = [self.stockade, "try", "--profile", profile, "--rootfs", self.image, *options, "--", *command]
        done = subprocess.run(
            arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_seconds, check=False
        )
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def findings(self):
        """What `stockade doctor` finds, by its subject. Its own program lies on a mount that is gone when it looks."""
        command = ["unshare", "--mount", self.stockade, "doctor", "-o", "json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        return {finding["subject"]: finding["found"] for finding in json.loads(done.stdout)}

    def lsm_required(self):
        """What becomes of a container whose profile asks for tier lsm."""
        status, _, said = self.start(profiles.text("deny", minimum_tier="lsm"), (), ["/bin/true"])
        found = re.search(r"minimumTier lsm cannot be enforced: this node has tier \w+ \(.+\)", said)
        return table.ALLOWED if status == 0 else f"refused: {found[0]}" if status == NOT_STARTED and found else said

    def perform(self, profile, options, acts):
        """The outcomes of acts, in one container."""
        with tempfile.TemporaryDirectory(dir=self.folder) as volume:
            fill_volume(pathlib.Path(volume))
            with Helper(pathlib.Path(volume), self.image):
                acts = [act.replace("{image}", str(self.image)) for act in acts]
                options = (*options, "--mount", f"{volume}:/vol")
                _, printed, said = self.start(profiles.text(profile), options, ["/bin/attack", "run", *acts])
        lines = dict(line.split(" ", 1) for line in printed.splitlines() if re.match(r"\d+ ", line))
        if len(lines) < len(acts):
            print(said, flush=True)
        missing = "lost: " + (said.strip().splitlines() or ["nothing was printed"])[-1]
        return [lines.get(str(number), missing) for number in range(1, len(acts) + 1)]


    def execute(self, profile, options, commands):
        """The outcomes of commands that are brought into one container from outside."""
        with tempfile.TemporaryDirectory(dir=self.folder) as volume:
            options = [*options, "--mount", f"{volume}:/vol"]
            for command in [*commands, "/bin/attack touch /vol/done"]:
                options += ["--exec", command]
            limit = STAGE_LIMIT_SECONDS + EXECUTION_LIMIT_SECONDS * len(commands)
            _, _, said = self.start(profiles.text(profile), options, ["/bin/attack", "wait", "/vol/done"], limit)
        statuses = re.findall(r'^stockade try: exec ".*": exit status (\d+)$', said, re.MULTILINE)
        if len(statuses) != len(commands) + 1:
            return ["lost: " + (said.strip().splitlines() or ["nothing was printed"])[-1]] * len(commands)
        known = EXEC_OUTCOMES | (EXEC_DENIED if "permission denied" in said.lower() else {})
        return [known.get(status, f"lost: exit status {status}") for status in statuses[:-1]]

    def outcomes(self, stage, profile, options, acts):
        return (self.execute if stage == "exec" else self.perform)(profile, options, acts)


def emit(**record):
    print(json.dumps(record), flush=True)


def same(expected, got):
    return got == expected or (expected == "unavailable" and got.startswith("unavailable "))


def judge(attack, kind, expected, got, can_be_tried):
    """Whether a cell is right. What cannot be tried here counts neither way, and only for the reason in the table."""
    if not can_be_tried and attack.unavailable and re.search(attack.unavailable, got):
        verdict = "unavailable"
    else:
        verdict = "right" if same(expected, got) else "wrong"
    emit(attack=attack.name, stage=attack.stage, kind=kind, expected=expected, got=got, verdict=verdict)


def cannot_be_tried(attack, got):
    return bool(attack.unavailable and re.search(attack.unavailable, got))


def try_open(machine, tier, options, stages):
    """Each attack where nothing is denied: what does not succeed there shows nothing elsewhere."""
    attacks = [attack for attack in table.ATTACKS if attack.stage in stages]
    outcomes = machine.outcomes(stages[0], "open", options, [attack.act for attack in attacks])
    for attack, got in zip(attacks, outcomes):
        judge(attack, "open", attack.expected_where_open(tier), got, not cannot_be_tried(attack, got))
    return {attack for attack, got in zip(attacks, outcomes) if cannot_be_tried(attack, got)}


def try_stage(machine, tier, stage, impossible):
    profile, options = table.STAGES[stage]
    cells = []
    for attack in table.ATTACKS:
        if attack.stage == stage and not (attack.skipped_at_signal and tier == "signal"):
            cells.append((attack, "attack", attack.act, attack.expected(tier, machine.cgroup)))
            if attack.twin:
                cells.append((attack, "twin", attack.twin, table.ALLOWED))
    outcomes = machine.outcomes(stage, profile, options, [act for _, _, act, _ in cells])
    for (attack, kind, _, expected), got in zip(cells, outcomes):
        judge(attack, kind, expected, got, attack not in impossible)


def try_executions(machine, count):
    outcomes = machine.execute("allow", (), ["/opt/allowed"] * count)
    found = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in sorted(set(outcomes)))
    check("execs", "exec", f"{count} {table.ALLOWED}", found)


def try_tier(machine, expected):
    """What `doctor` says this node can enforce at best; a profile that asks for more is refused."""
    findings = machine.findings()
    emit(doctor=findings)
    tier = findings["tier"].partition(",")[0]
    emit(tier=tier)
    check("tier", "doctor", tier if expected == "any" else expected, tier)
    network = "can be attached to cgroups" if machine.cgroup != "v1" else findings["network rules"]
    check("network rules", "doctor", network, findings["network rules"])
    return tier


def try_lsm_required(machine, tier):
    got = machine.lsm_required()
    check("minimumTier: lsm", "doctor", table.ALLOWED if tier == "lsm" else "refused", got)


def check(name, stage, expected, got):
    verdict = "right" if got.partition(":")[0] == expected.partition(":")[0] else "wrong"
    emit(attack=name, stage=stage, kind="attack", expected=expected, got=got, verdict=verdict)


def main():
    parser = argparse.ArgumentParser()
    for name, kind in (("stockade", str), ("image", pathlib.Path), ("cgroup", str), ("tier", str)):
        parser.add_argument(name, type=kind)
    parser.add_argument("--open", action="store_true")
    parser.add_argument("--executions", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attacks-") as folder:
        try_all(Machine(options.stockade, options.image, options.cgroup, pathlib.Path(folder)), options)


def try_all(machine, options):
    started = time.monotonic()

    def done(stage):
        emit(stage=stage, seconds=round(time.monotonic() - started, 1))

    tier = try_tier(machine, options.tier)
    done("doctor")
    if options.executions:
        try_executions(machine, options.executions)
        return done("exec")
    # Where that is not tried, the reason in the table is believed: another boot of the same kernel has shown it.
    impossible = set(table.ATTACKS)
    if options.open:
        impossible = set()
        try_lsm_required(machine, tier)
        for way in sorted({way for _, way in table.STAGES.values()}):
            stages = [stage for stage, (_, those) in table.STAGES.items() if those == way]
            impossible |= try_open(machine, tier, way, stages)
            done("open")
    for stage in table.STAGES:
        try_stage(machine, tier, stage, impossible)
        done(stage)


if __name__ == "__main__":
    main()
