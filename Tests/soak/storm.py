"""Many more reports than may be written: the file of events stays small, and what is missing in it is counted."""

import collections
import datetime
import json
import pathlib
import subprocess
import sys

import host
import profiles
import samples
from container import Pod
from node import EVENTS, FOLDER, Node

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parents[1] / "config/collect"))

import read_events  # noqa: E402

PROGRAM = FOLDER / "storm"
PROFILE = profiles.Profile("storm", profiles.AUDIT, confines=False)
# docs/events.md: how many records a container may have at once, and how many more each second; and the greatest file.
AT_ONCE, EACH_SECOND, FILE_BYTES_MAX = 400, 100, 64 << 20
# How long an argument is. In a record each byte of it takes six.
SHORT_BYTES, LONG_BYTES = 8, 2000
# So many containers with nothing but long records fill more than one file, and less than two.
LONG_CONTAINERS = FILE_BYTES_MAX // (AT_ONCE * LONG_BYTES * 6) + 3
# More than the kernel's buffer and what waits for the file. docs/soak.md says what was measured.
MEMORY_KIB_MAX = 2048
ACCOUNT_SECONDS = 60


class Storm:
    """Containers that execute a program as fast as they can, and what is written of that."""

    def __init__(self, node: Node):
        self.node = node
        self.made = self.missing = 0
        # When, by the container.
        self.written: dict[str, list[float]] = collections.defaultdict(list)
        self.reader = read_events.Reader(str(EVENTS), str(FOLDER / "position"))

    def execute(self, times: int, length: int) -> str:
        """In a container of its own. Returns the container."""
        pod = Pod(PROFILE.name)
        try:
            self.node.activate(pod)
            status = pod.execute(str(PROGRAM), str(times), str(length))
            if status:
                raise ValueError(f"the program of the storm ends with {status}")
            # Its own was the first.
            self.made += times + 1
            host.wait_until("the records, or their number", self.is_accounted, ACCOUNT_SECONDS)
            self.node.release(pod)
        finally:
            pod.end()
        return pod.id

    def is_accounted(self) -> bool:
        for line in self.reader.lines():
            record = json.loads(line)
            if record["kind"] == "dropped":
                self.missing += sum(record["counts"].values())
            elif record["kind"] == "exec" and record["process"]["path"] == str(PROGRAM):
                when = datetime.datetime.fromisoformat(record["time"][:26] + "+00:00")
                self.written[record["container"]["id"]].append(when.timestamp())
        return self.accounted >= self.made

    @property
    def accounted(self) -> int:
        return sum(len(times) for times in self.written.values()) + self.missing


def judge(node: Node, execs: int, report) -> None:
    """Two storms: one of long records, which fill a file, and one of so many short ones."""
    storm = begin(node)
    for _ in range(LONG_CONTAINERS):
        storm.execute(AT_ONCE - 1, LONG_BYTES)
    before = samples.sample(node)[samples.PRIVATE]
    times = storm.written[storm.execute(execs, SHORT_BYTES)]
    grown = samples.sample(node)[samples.PRIVATE] - before
    report.check(storm.accounted == storm.made, f"of {storm.made:,} execs {storm.accounted - storm.missing:,} are "
                                                f"written, and {storm.missing:,} are told to be missing")
    allowed = AT_ONCE + EACH_SECOND * (times[-1] - times[0]) + 1
    report.check(len(times) <= allowed, f"of {execs + 1:,} execs of one container {len(times):,} are written, and "
                                        f"{allowed:,.0f} may be")
    judge_files(report)
    report.check(grown <= MEMORY_KIB_MAX, f"private memory grows by {grown} KiB meanwhile, at most {MEMORY_KIB_MAX} "
                                          "are allowed")
    node.stop()
    report.check(not node.left(), f"Stockade leaves nothing when it ends {node.left() or ''}")


def begin(node: Node) -> Storm:
    """A Stockade whose file of events is empty."""
    command = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", PROGRAM, HERE / "storm.c"]
    subprocess.run(command, check=True)
    node.write(PROFILE.name, PROFILE.text(profiles.EXTRAS[0]))
    for file in files():
        file.unlink()
    node.launch()
    if not node.connect([]):
        raise OSError(f"Stockade does not connect: {node.reason()}")
    return Storm(node)


def judge_files(report) -> None:
    sizes = {file.name: file.stat().st_size for file in files()}
    report.check(sorted(sizes) == [EVENTS.name, f"{EVENTS.name}.1"] and max(sizes.values()) <= FILE_BYTES_MAX,
                 f"the events are in two files of at most {FILE_BYTES_MAX >> 20} MiB: {sizes}")


def files() -> list[pathlib.Path]:
    return list(EVENTS.parent.glob(f"{EVENTS.name}*"))
