"""What there is of Stockade while containers come and go, and whether any of it grows."""

import contextlib

import host
import leftovers
import samples
from node import SETTLE_SECONDS, Node

# gRPC keeps some threads for a while after it has served clients, and starts others.
THREADS_OF_CLIENTS = 4
# What the process may grow by in the second half, in which no Stockade ends: so much for each container, and so much
# for what grows to an end of its own. docs/soak.md says what was measured.
CONTAINER_BYTES_MAX = 64
ONCE_BYTES_MAX = 2 << 20


class Curve:
    """What was counted, by how many containers had been started then."""

    def __init__(self, node: Node):
        self.node = node
        self.points: list[tuple[int, dict[str, int]]] = []
        self.warm: dict[str, int] = {}
        self.last: dict[str, int] = {}
        # How many containers had been started when Stockade was.
        self.launches: list[int] = []

    def begin(self, world) -> None:
        """After the warm-up, when no container is left."""
        self.node.settle()
        self.warm = samples.sample(self.node)
        self.points.append((0, self.warm))

    def add(self, world) -> None:
        self.launches = world.launches
        self.points.append((world.started, samples.sample(self.node)))

    def end(self, world) -> None:
        """When no container is left: waits until each count is what it was."""
        with contextlib.suppress(TimeoutError):
            host.wait_until("the counts of the warm-up", self.is_as_before, SETTLE_SECONDS, every=1)
        for line in leftovers.bound():
            print(f"left behind: {line}")
        self.points.append((world.started, self.last))

    def is_as_before(self) -> bool:
        self.last = samples.sample(self.node)
        return all(self.is_equal(name) for name in samples.COUNTS)

    def is_equal(self, name: str) -> bool:
        return abs(self.last[name] - self.warm[name]) <= (THREADS_OF_CLIENTS if name == "threads" else 0)

    def of(self, name: str) -> list[tuple[int, int]]:
        return [(started, counts[name]) for started, counts in self.points]

    def judge(self, report) -> None:
        print(f"{'':<22} {'after warm-up':>14} {'most':>10} {'at the end':>12}")
        for name in self.warm:
            most = max(count for _, count in self.of(name))
            print(f"{name:<22} {self.warm[name]:>14,} {most:>10,} {self.last[name]:>12,}")
        print()
        for name in samples.COUNTS:
            report.check(self.is_equal(name),
                         f"{name}: {self.warm[name]} after the warm-up, {self.last[name]} at the end")
        self.judge_memory(report)

    def judge_memory(self, report) -> None:
        """By the straight line that is nearest to the second half of the curve, without the last point: no container
        runs then."""
        points = self.of(samples.PRIVATE)[:-1]
        half = [(started, kib * 1024) for started, kib in points if started * 2 >= points[-1][0]]
        containers = half[-1][0] - half[0][0]
        each = slope(half)
        report.check(each * containers <= CONTAINER_BYTES_MAX * containers + ONCE_BYTES_MAX,
                     f"private memory grows by {each:.0f} bytes for each of the last {containers} containers, at most "
                     f"{CONTAINER_BYTES_MAX} for each and {ONCE_BYTES_MAX >> 20} MiB once are allowed")


def slope(points: list[tuple[int, int]]) -> float:
    """Of the straight line with the least squares."""
    middle = [sum(values) / len(points) for values in zip(*points)]
    above = sum((x - middle[0]) * (y - middle[1]) for x, y in points)
    return above / sum((x - middle[0]) ** 2 for x, _ in points)
