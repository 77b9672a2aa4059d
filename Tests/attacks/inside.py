#!/usr/bin/python3
"""
Tries the attacks on the kernel that runs, and prints a line of JSON for each: what was expected, and what happened.

    inside.py STOCKADE IMAGE CGROUP TIER [--open] [--race-seconds N] [--races] [--count-runs] [--executions N]

CGROUP is how cgroups are mounted: v2, hybrid or v1. TIER is the one that this kernel must reach, or any. With --open
the attacks are also tried where nothing is denied. With --races only those that race are tried. With --count-runs the
kernel counts how often each BPF program runs. With --executions nothing else is done than so many execs into a running
container, of a program that its profile allows: none may be refused.

A record of an attack that is tried over and over has `tried`, and `through`: how many succeeded. At the end of a stage
a record tells of each BPF program how often the kernel skipped it.
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
from pressure import Pressure

STAGE_LIMIT_SECONDS = 480
EXECUTION_LIMIT_SECONDS = 3
# On one processor, which a crowd wants as well.
BESIEGED_EXECUTION_LIMIT_SECONDS = 30
# Where it need not be shown that nobody comes through.
SHORT_RACE_SECONDS = 1
RACES = sum("{seconds}" in attack.act for attack in table.ATTACKS)
COUNT_RUNS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
# Exit status of `stockade try` when the container did not start.
NOT_STARTED = 125
# What exit statuses of `runc exec` mean; where the kernel refuses to execute the command it has its own, by version.
# 13 is of `attack read`.
EXEC_OUTCOMES = {"42": table.ALLOWED, "137": table.KILLED, "13": table.EACCES}
EXEC_DENIED = {"1": table.EACCES, "126": table.EACCES, "255": table.EACCES}


class Machine:
    def __init__(self, stockade, image, cgroup, folder, race_seconds):
        self.stockade, self.image, self.cgroup, self.folder = stockade, image, cgroup, folder
        self.race_seconds = race_seconds
        # The BPF programs of the last container, at its end, and what became of noting them. None: nobody asked.
        self.programs, self.noted = None, None

    def start(self, profile_text, options, command, limit_seconds=STAGE_LIMIT_SECONDS, prefix=()):
        """Runs a command in a container: its exit status, standard output and standard error."""
        profile = self.folder / "profile.yaml"
        profile.write_text(profile_text, encoding="utf-8")
        arguments = [*prefix, self.stockade, "try", "--profile", profile, "--rootfs", self.image, *options]
        arguments += ["--", *command]
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

    def contain(self, profile, options, command, limit_seconds):
        """Runs a command in a container with a volume, whose helper notes the BPF programs when an act asks for it."""
        with tempfile.TemporaryDirectory(dir=self.folder) as volume:
            fill_volume(pathlib.Path(volume))
            with Helper(pathlib.Path(volume), self.image) as helper:
                options = (*options, "--mount", f"{volume}:/vol")
                outcome = self.start(profiles.text(profile), options, command, limit_seconds)
        self.programs = helper.programs
        return outcome

    def perform(self, profile, options, acts):
        """The outcomes of acts, in one container."""
        command = ["/bin/attack", "run", *(act.replace("{image}", str(self.image)) for act in acts), "note-programs"]
        limit = STAGE_LIMIT_SECONDS + self.race_seconds * RACES
        _, printed, said = self.contain(profile, options, command, limit)
        *outcomes, self.noted = self.lines(printed, said, [*acts, "note-programs"])
        return outcomes

    def perform_under_pressure(self, profile, options, acts):
        """The same, while Stockade itself may use hardly any more memory."""
        with tempfile.TemporaryDirectory(dir=self.folder) as volume, Pressure(pathlib.Path(volume)) as pressure:
            surrounded = pressure.surround(acts)
            command = ["/bin/attack", "run", *surrounded]
            options = (*options, "--mount", f"{volume}:/vol")
            _, printed, said = self.start(profiles.text(profile), options, command, prefix=pressure.prefix)
        outcomes = self.lines(printed, said, surrounded)[1:-1]
        return outcomes if pressure.limited else ["lost: there was no limit"] * len(acts)

    def lines(self, printed, said, acts):
        lines = dict(line.split(" ", 1) for line in printed.splitlines() if re.match(r"\d+ ", line))
        if len(lines) < len(acts):
            print(said, flush=True)
        missing = "lost: " + (said.strip().splitlines() or ["nothing was printed"])[-1]
        return [lines.get(str(number), missing) for number in range(1, len(acts) + 1)]

    def execute(self, profile, options, commands, act=("wait", "/vol/done"), each_seconds=EXECUTION_LIMIT_SECONDS):
        """The outcomes of commands that are brought into one container from outside."""
        for command in [*commands, "/bin/attack run note-programs 'create /vol/done'"]:
            options = (*options, "--exec", command)
        limit = STAGE_LIMIT_SECONDS + each_seconds * len(commands)
        ended, _, said = self.contain(profile, options, ["/bin/attack", *act], limit)
        statuses = re.findall(r'^stockade try: exec ".*": exit status (\d+)$', said, re.MULTILINE)
        if ended != 0 or len(statuses) != len(commands) + 1:
            return ["lost: " + (said.strip().splitlines() or ["nothing was printed"])[-1]] * len(commands)
        self.noted = f"exit status {statuses[-1]}"
        known = EXEC_OUTCOMES | (EXEC_DENIED if "permission denied" in said.lower() else {})
        return [known.get(status, f"lost: exit status {status}") for status in statuses[: len(commands)]]

    def besiege(self, profile, options, acts):
        """As execute, but each as often as its first word says, and while many in the container execute something."""
        counts, commands = zip(*(act.split(" ", 1) for act in acts))
        counts = [int(count) for count in counts]
        repeated = [command for count, command in zip(counts, commands) for _ in range(count)]
        besiegers = ("busy", "/vol/done", "/opt/allowed")
        outcomes = self.execute(profile, options, repeated, besiegers, BESIEGED_EXECUTION_LIMIT_SECONDS)
        return [summary([outcomes.pop(0) for _ in range(count)]) for count in counts]

    def hook(self, profile, options, acts):
        """The outcomes of acts that the runtime's hooks perform. Where nothing is denied the pod has no gate."""
        acts = [act.replace("{image}", str(self.image)) for act in acts]
        is_open = profile == "open"
        options = [option.replace("{image}", str(self.image)) for option in options]
        if is_open:
            options.remove("--pod-cgroup")
        hooks = [
            ("--hook", f"createContainer:{self.image}/bin/attack hook {number} {act}")
            for number, act in enumerate(acts, 1)
        ]
        refused = [number for number, act in enumerate(acts, 1) if act == table.LEAVE and not is_open]
        staying = [word for number, hook in enumerate(hooks, 1) if number not in refused for word in hook]
        _, printed, said = self.start(profiles.text(profile), [*options, *staying], ["/bin/sh", "-c", "cat /hook-*"])
        lines = dict(line.split(" ", 1) for line in printed.splitlines() if re.match(r"\d+ ", line))
        for number in refused:
            text = profiles.text("programs", minimum_tier="signal")
            status, _, told = self.start(text, [*options, *hooks[number - 1]], ["/bin/true"])
            is_refused = status == NOT_STARTED and "by a hook of the runtime" in told
            lines[str(number)] = table.REFUSED if is_refused else table.ALLOWED if status == 0 else f"lost: {told}"
        missing = "lost: " + (said.strip().splitlines() or ["nothing was printed"])[-1]
        return [lines.get(str(number), missing) for number in range(1, len(acts) + 1)]

    def outcomes(self, stage, profile, options, acts):
        self.programs, self.noted = None, None
        return getattr(self, table.STAGES[stage].method)(profile, options, acts)


def summary(outcomes):
    """As acts tell of what they try over and over: allowed if one was, else as one that is unlike the first, if any."""
    through = outcomes.count(table.ALLOWED)
    odd = [outcome for outcome in outcomes if outcome != outcomes[0]]
    return f"{table.ALLOWED if through else (odd or outcomes)[0]}, {through} of {len(outcomes)}"


def emit(**record):
    print(json.dumps(record), flush=True)


def same(expected, got):
    return got == expected or (expected == "unavailable" and got.startswith("unavailable "))


def judge(attack, kind, expected, got, can_be_tried):
    """Whether a cell is right. What cannot be tried here counts neither way, and only for the reason in the table."""
    counted = re.fullmatch(r"(.*), (\d+) of (\d+)", got)
    got = counted[1] if counted else got
    if not can_be_tried and attack.unavailable and re.search(attack.unavailable, got):
        verdict = "unavailable"
    else:
        # Of what may be done over and over, nothing may be refused.
        all_or_none = not counted or expected != table.ALLOWED or counted[2] == counted[3]
        verdict = "right" if same(expected, got) and all_or_none else "wrong"
    count = {"through": int(counted[2]), "tried": int(counted[3])} if counted else {}
    emit(attack=attack.name, stage=attack.stage, kind=kind, expected=expected, got=got, verdict=verdict, **count)


def cannot_be_tried(attack, got):
    return bool(attack.unavailable and re.search(attack.unavailable, got))


def try_open(machine, tier, way, stages):
    """Each attack where nothing is denied: what does not succeed there shows nothing elsewhere."""
    attacks = [attack for attack in table.ATTACKS if attack.stage in stages]
    acts = [timed(attack.act, SHORT_RACE_SECONDS) for attack in attacks]
    outcomes = machine.outcomes(stages[0], "open", way, acts)
    for attack, got in zip(attacks, outcomes):
        judge(attack, "open", attack.expected_where_open(tier), got, not cannot_be_tried(attack, got))
    return {attack for attack, got in zip(attacks, outcomes) if cannot_be_tried(attack, got)}


def timed(act, seconds):
    return act.replace("{seconds}", str(seconds))


def try_stage(machine, tier, stage, impossible):
    profile, options, _ = table.STAGES[stage]
    attacks = [attack for attack in table.ATTACKS if attack.stage == stage]
    cells = []
    for attack in attacks:
        expected = attack.expected(tier, machine.cgroup)
        seconds = SHORT_RACE_SECONDS if expected == table.ALLOWED else machine.race_seconds
        cells.append((attack, "attack", timed(attack.act, seconds), expected))
        if attack.twin:
            cells.append((attack, "twin", timed(attack.twin, SHORT_RACE_SECONDS), table.ALLOWED))
    outcomes = machine.outcomes(stage, profile, options, [act for _, _, act, _ in cells])
    for (attack, kind, _, expected), got in zip(cells, outcomes):
        judge(attack, kind, expected, got, attack not in impossible)
    judge_programs(machine, tier, stage)


def judge_programs(machine, tier, stage):
    """A tier is claimed only where the kernel does not skip the programs that decide at it."""
    programs = machine.programs
    if programs is None:
        return
    emit(stage=stage, programs=programs)
    spare = {"mark_exit"}
    # Another program comes by each exec as well.
    if tier == "lsm" or "exec_return" in {each["program"] for each in programs}:
        spare.add("exec_signal")
    skipped = [f"{each['program']} {each['misses']} times" for each in programs
               if each["misses"] and each["program"] not in spare]  # fmt: skip
    nothing = "none" if programs else f"no program was noted: {machine.noted}"
    check("skipped programs", stage, "none", ", ".join(skipped) or nothing)


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
    parser.add_argument("--race-seconds", type=int, default=SHORT_RACE_SECONDS)
    parser.add_argument("--races", action="store_true")
    parser.add_argument("--count-runs", action="store_true")
    parser.add_argument("--executions", type=int)
    options = parser.parse_args()
    if options.count_runs:
        COUNT_RUNS.write_text("1", encoding="ascii")
    with tempfile.TemporaryDirectory(prefix="attacks-") as name:
        folder = pathlib.Path(name)
        try_all(Machine(options.stockade, options.image, options.cgroup, folder, options.race_seconds), options)


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
        # What is besieged succeeds where it is not.
        for way, method in sorted({stage[1:] for stage in table.STAGES.values() if stage.method != "besiege"}):
            stages = [name for name, stage in table.STAGES.items() if stage[1:] == (way, method)]
            impossible |= try_open(machine, tier, way, stages)
            done("open")
    # A race knows nothing of cgroups: one layout of a kernel is enough.
    stages = [stage for stage in table.STAGES if options.open or stage not in table.RACE_STAGES]
    for stage in table.RACE_STAGES if options.races else stages:
        # In a virtual machine a besieged exec takes seconds.
        if table.STAGES[stage].method != "besiege" or options.race_seconds > SHORT_RACE_SECONDS:
            try_stage(machine, tier, stage, impossible)
            done(stage)


if __name__ == "__main__":
    main()
