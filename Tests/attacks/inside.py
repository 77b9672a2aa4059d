#!/usr/bin/python3
"""
Tries the attacks on the kernel that runs, and prints a line of JSON for each: what was expected, and what happened.

    inside.py STOCKADE IMAGE CGROUP TIER [--open] [--race-seconds N] [--races] [--count-runs] [--executions N]
              [--stages NAME,...]

CGROUP is how cgroups are mounted: v2, hybrid or v1. TIER is the one that this kernel must reach, or any. With --open
the attacks are also tried where nothing is denied. With --races only those that race are tried. With --count-runs the
kernel counts how often each BPF program runs. With --executions nothing else is done than so many execs into a running
container, of a program that its profile allows: none may be refused. With --stages only these stages of the table are
tried.

A record of an attack that is tried over and over has `tried`, and `through`: how many succeeded. At the end of a stage
a record tells of each BPF program how often the kernel skipped it.
"""

import argparse
import json
import pathlib
import re
import shutil
import socket
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
ANSWER_LIMIT_SECONDS = 60
PRESSURE_TRIES = 3
EXECUTION_LIMIT_SECONDS = 3
# On one processor, which a crowd wants as well.
BESIEGED_EXECUTION_LIMIT_SECONDS = 30
# Where it need not be shown that nobody comes through.
SHORT_RACE_SECONDS = 1
RACES = sum("{seconds}" in attack.act for attack in table.ATTACKS)
CONTROL = pathlib.Path("/run/stockade")
COUNT_RUNS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
# Exit status of `stockade try` when the container did not start.
NOT_STARTED = 125
# What exit statuses of `runc exec` mean; where the kernel refuses to execute the command it has its own, by version.
# 13 is of `attack read`.
EXEC_OUTCOMES = {"42": table.ALLOWED, "137": table.KILLED, "13": table.EACCES}
# Of an entrypoint that is a script. 126: env's own exec was refused. Tier signal kills for that.
ENTRYPOINT_OUTCOMES = {42: table.ALLOWED, 126: table.EACCES, 137: table.KILLED}
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
        # It is not tried how fast the plugin is, and a machine that is emulated beside others can stand still.
        arguments += ["--answer-time", str(ANSWER_LIMIT_SECONDS * 1000)]
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

    def told_of_packet_sockets(self, profile):
        """Whether the log says at a container's start that packet sockets get past the profile's network rules."""
        status, _, said = self.start(profiles.text(profile), (), ["/bin/true"])
        told = "network for packet sockets cannot be enforced" in said
        return f"lost: {said}" if status != 0 else "told" if told else "not told"

    def entrypoint(self, command):
        """What becomes of a container whose entrypoint the profile does not list."""
        with tempfile.TemporaryDirectory(dir=self.folder) as volume:
            shutil.copy(self.image / "opt/unlisted", volume + "/program")
            options = ("--mount", f"{volume}:/vol")
            status, _, said = self.start(profiles.text("allow"), options, command)
        return ENTRYPOINT_OUTCOMES.get(status, f"lost: exit status {status}: {said}")

    def contain(self, profile, options, command, limit_seconds):
        """Runs a command in a container with a volume, whose helper notes the BPF programs when an act asks for it."""
        with tempfile.TemporaryDirectory(dir=self.folder) as volume:
            fill_volume(pathlib.Path(volume))
            with Helper(pathlib.Path(volume), self.image) as helper:
                options = [option.replace("{volume}", volume) for option in options]
                options += ["--mount", f"{volume}:/vol"]
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

    def perform_on_fat(self, profile, options, acts):
        """The same, with a FAT file system at /fat."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            problem = mount_fat(pathlib.Path(folder))
            if problem:
                return [f"unavailable FAT: {problem}"] * len(acts)
            try:
                return self.perform(profile, (*options, "--mount", f"{folder}/fat:/fat"), acts)
            finally:
                subprocess.run(["umount", f"{folder}/fat"], check=True)

    def perform_beside_a_socket(self, profile, options, acts):
        """The same, while somebody listens in the daemon's folder."""
        CONTROL.mkdir(mode=0o700, exist_ok=True)
        path = CONTROL / "attacks.sock"
        path.unlink(missing_ok=True)
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
                listener.listen()
                return self.perform(profile, options, acts)
        finally:
            path.unlink()

    def perform_under_pressure(self, profile, options, acts):
        """
        The same, while Stockade itself may use hardly any more memory. It may need a little for itself, and is ended
        then. That shows nothing, so it is tried again.
        """
        for _ in range(PRESSURE_TRIES):
            outcomes = self.perform_with_limit(profile, options, acts)
            if not any(outcome.startswith("lost") for outcome in outcomes):
                break
        return outcomes

    def perform_with_limit(self, profile, options, acts):
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


def mount_fat(folder):
    """Mounts a FAT file system with a file at folder/fat, or says why there can be none."""
    commands = (["mkfs.vfat", "-C", folder / "image", "1024"], ["mkdir", folder / "fat"],
                ["mount", "-o", "loop", "-t", "vfat", folder / "image", folder / "fat"])  # fmt: skip
    for command in commands:
        if not shutil.which(command[0]):
            return f"there is no {command[0]}"
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            return f"{command[0]}: {done.stderr.decode(errors='replace').strip()}"
    (folder / "fat/secret").mkdir()
    (folder / "fat/secret/key").write_text("content\n", encoding="ascii")
    return None


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
    # These only tell, and what they miss is told as `syscallsUnseen`.
    spare |= {each["program"] for each in programs if each["program"].startswith("syscall_")}
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


def try_packet_sockets(machine, tier):
    """AF_PACKET passes every network rule: who does not close it is told so."""
    sealed = "not told" if tier in ("lsm", "fmod_ret") else "told"
    for profile, expected in (("network", "told"), ("sealed", sealed), ("open", "not told")):
        check(f"packet sockets under {profile}", "doctor", expected, machine.told_of_packet_sockets(profile))


def try_entrypoints(machine, tier):
    """One exec more has the entrypoint that is a script of the image's env."""
    denied = table.EACCES if tier in ("lsm", "fmod_ret") else table.KILLED if tier == "signal" else table.ALLOWED
    for name, command, expected in (
        ("env", ["/opt/env.sh"], table.ALLOWED),
        ("env of a script", ["/opt/env-script.sh"], denied if tier == "signal" else table.ALLOWED),
        ("env of another env", ["/opt/env-env.sh"], denied),
        ("env of a volume's program", ["/opt/env-volume.sh"], denied),
        ("env of a shell's child", ["/opt/env-shell.sh"], denied),
        ("env without a script", ["/usr/bin/env", "/opt/unlisted"], denied),
    ):
        check(f"entrypoint: {name}", "doctor", expected, machine.entrypoint(command))


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
    parser.add_argument("--stages", type=lambda text: text.split(","), default=list(table.STAGES))
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
        try_packet_sockets(machine, tier)
        try_entrypoints(machine, tier)
        done("entrypoints")
        # What is besieged succeeds where it is not.
        for way, method in sorted({stage[1:] for stage in table.STAGES.values() if stage.method != "besiege"}):
            stages = [name for name in options.stages if table.STAGES[name][1:] == (way, method)]
            if stages:
                impossible |= try_open(machine, tier, way, stages)
                done("open")
    # A race knows nothing of cgroups: one layout of a kernel is enough.
    stages = [stage for stage in options.stages if options.open or stage not in table.RACE_STAGES]
    for stage in table.RACE_STAGES if options.races else stages:
        # In a virtual machine a besieged exec takes seconds.
        if table.STAGES[stage].method != "besiege" or options.race_seconds > SHORT_RACE_SECONDS:
            try_stage(machine, tier, stage, impossible)
            done(stage)


if __name__ == "__main__":
    main()
