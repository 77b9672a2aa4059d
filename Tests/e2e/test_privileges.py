"""A Stockade that serves has few capabilities, in each of its threads, however it was started."""

import os
import pathlib
import signal
import subprocess

from case import PluginCase
from host import wait_until

# Sources/Daemon/Privileges.swift, by the numbers of capability.h.
RUNNING = sum(1 << number for number in (2, 5, 12, 19, 38, 39))
STARTING = RUNNING | sum(1 << number for number in (1, 8, 21, 23))
# The rest of a start: from then on no thread has more.
START_SECONDS = 10


def capabilities(pid: int) -> set[tuple[int, ...]]:
    """Permitted, effective, inheritable, ambient and bounding set of each thread, in this order."""
    found = set()
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        lines = (thread / "status").read_text().splitlines()
        sets = dict(line.split(":\t") for line in lines if line.startswith("Cap"))
        found.add(tuple(int(sets[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd")))
    return found


class PrivilegesCase(PluginCase):
    def assert_few(self, passable: int) -> None:
        expected = {(RUNNING, RUNNING, 0, 0, passable)}
        wait_until("all threads to have few capabilities", lambda: capabilities(self.plugin.pid) == expected,
                   START_SECONDS)

    def assert_works(self) -> None:
        """With them a container is confined, and recorded, and gRPC has its threads."""
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.assert_bound_to_shop(container)
        done = subprocess.run([self.plugin.binary, "containers", container.id], capture_output=True, text=True)
        self.assertIn("shop", done.stdout, done.stderr)


class Service(PrivilegesCase):
    launched = False

    def test_no_thread_can_do_or_pass_on_more_than_it_needs(self):
        self.assert_few(RUNNING)
        self.assert_works()
        self.assert_few(RUNNING)

    def test_what_runs_is_adopted_with_them_after_a_restart_of_the_runtime(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.restart_runtime()
        self.assert_bound_to_shop(container)
        self.assert_few(RUNNING)


class Launched(PrivilegesCase):
    launched = True

    def test_no_thread_can_do_more_than_it_needs_and_the_keeper_can_start_another_one(self):
        self.assert_few(STARTING)
        self.assert_works()
        first = self.plugin.pid
        os.kill(first, signal.SIGKILL)
        wait_until("the keeper to start another one", lambda: self.plugin.pid not in (None, first))
        self.plugin.wait_for_registration(1)
        self.assert_works()
        self.assert_few(STARTING)
