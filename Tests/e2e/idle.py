"""What a Stockade costs the processors while nothing happens: without and with containers. It prints, and asserts only
that the containers are confined. `hack/bench --idle` runs it.
"""

import os
import sys
import time

from case import PluginCase

SECONDS = 60
CONTAINERS = 100
CONTAINERS_IN_A_POD = 10


class Idle(PluginCase):
    launched = False

    def test_share_of_one_processor(self):
        self.measure(0)
        containers = []
        for _ in range(CONTAINERS // CONTAINERS_IN_A_POD):
            pod = self.profiled_pod("shop")
            containers += [pod.run("probe", "sleep", name=f"c{number}") for number in range(CONTAINERS_IN_A_POD)]
        self.assert_bound_to_shop(containers[0])
        self.assert_bound_to_shop(containers[-1])
        self.measure(len(containers))

    def measure(self, containers: int) -> None:
        time.sleep(10)  # what is freed a moment later, and the sweep
        before, since = self.seconds_used(), time.monotonic()
        time.sleep(SECONDS)
        used, passed = self.seconds_used() - before, time.monotonic() - since
        print(f"idle: {used / passed:.3%} of one processor with {containers} containers confined "
              f"({used * 1000:.0f} ms in {passed:.0f} s)", file=sys.stderr)

    def seconds_used(self) -> float:
        """By all its threads, also those that have ended: its clock, as clock_getcpuclockid(3) makes it."""
        return time.clock_gettime(~self.plugin.pid << 3 | 2)
