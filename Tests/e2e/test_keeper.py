"""A launched plugin has a keeper: whatever becomes of it, Stockade is back in seconds, and never are there two."""

import contextlib
import os
import re
import signal
import subprocess
import time

import host
from case import PluginCase
from host import SCRATCH, wait_until
from plugin import KEEPER, KEPT, NAME, PINS, PLUGINS, pids
from system_log import Syslog

# Until it is seen to be stopped: 3 seconds of silence, and up to half of one more.
SILENCE_SECONDS = 3.5
# To start, to try its tier and to be told what runs, on a busy machine.
READY_SECONDS = 8


class Keeper(PluginCase):
    launched = True

    def setUp(self):
        super().setUp()
        for _ in range(2):  # where it was not configured in 2 seconds, the machine is busy
            if not pids(str(PLUGINS)):
                self.restart_runtime()  # with a launched one again
        self.assertEqual(len(pids(str(PLUGINS))), 1)
        self.assertIsNotNone(self.plugin.keeper)

    def assert_only_one(self):
        serving = pids(str(PLUGINS), KEPT)
        self.assertEqual(len(serving), 1, [host.command_of(pid) for pid in serving])
        self.assertEqual(len(pids(KEEPER)), 1)

    def send_and_wait(self, number: int, seconds: float) -> None:
        """Signals the plugin, and waits until the runtime has taken in the next one."""
        before, pid = self.plugin.registrations, self.plugin.pid
        os.kill(pid, number)
        wait_until("the next one", lambda: self.plugin.registrations > before, seconds, 0.01)
        self.assertTrue(host.is_zombie(pid))
        self.assert_only_one()

    def assert_protects(self):
        """New pods are guarded, and the configuration is the launched one's."""
        self.assert_bound_to_shop(self.profiled_pod("shop").run("probe", "sleep"))
        locked = self.pod(namespace="locked").run("probe", "sleep")
        self.assert_denied(locked, "id")

    def test_a_killed_plugin_is_replaced_and_its_containers_stay_bound(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.send_and_wait(signal.SIGKILL, READY_SECONDS)
        self.assertEqual(pids(str(PLUGINS)), [])
        self.assert_bound_to_shop(container)
        self.assert_protects()

    def test_what_replaced_it_is_replaced_as_well(self):
        self.send_and_wait(signal.SIGKILL, READY_SECONDS)
        self.send_and_wait(signal.SIGKILL, READY_SECONDS)
        self.send_and_wait(signal.SIGSTOP, SILENCE_SECONDS + READY_SECONDS)
        self.assert_protects()

    def test_a_stopped_plugin_is_killed_and_replaced(self):
        self.send_and_wait(signal.SIGSTOP, SILENCE_SECONDS + READY_SECONDS)
        self.assert_protects()

    def test_a_plugin_that_was_too_slow_once_is_replaced(self):
        pod = self.profiled_pod("shop")
        before, pid = self.plugin.registrations, self.plugin.pid
        os.kill(pid, signal.SIGSTOP)
        # The runtime waits for 2 seconds, and drops it.
        unguarded = pod.create("probe", "sleep")
        # On a slow machine the keeper has ended it by now.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.wait_for_exit(unguarded.start()).exit_code, 137)
        wait_until("the next one", lambda: self.plugin.registrations > before, READY_SECONDS, 0.01)
        self.assert_only_one()
        self.assert_protects()

    def test_a_killed_keeper_is_replaced(self):
        keeper, pid = self.plugin.keeper, self.plugin.pid
        os.kill(keeper, signal.SIGKILL)
        wait_until("another keeper", lambda: self.plugin.keeper not in (keeper, None))
        self.assertEqual(self.plugin.pid, pid)
        self.send_and_wait(signal.SIGKILL, READY_SECONDS)

    def test_what_the_keeper_started_tidies_up_when_it_ends(self):
        self.send_and_wait(signal.SIGKILL, READY_SECONDS)
        self.assertTrue(PINS.exists())
        self.runtime.stop()
        wait_until("all to end", lambda: not pids(KEEPER, KEPT, str(PLUGINS)))
        self.assertFalse(PINS.exists())
        self.runtime.start()

    def test_a_keeper_that_is_told_to_end_takes_what_it_started_with_it(self):
        self.send_and_wait(signal.SIGKILL, READY_SECONDS)
        os.kill(self.plugin.keeper, signal.SIGTERM)
        wait_until("all to end", lambda: not pids(KEEPER, KEPT, str(PLUGINS)))

    def test_a_stopped_plugin_does_not_keep_the_next_runtimes_from_serving(self):
        old = self.plugin.pid
        os.kill(old, signal.SIGSTOP)
        self.restart_runtime()
        self.assertTrue(host.is_zombie(old))
        self.assert_only_one()
        self.assertEqual(len(pids(str(PLUGINS))), 1)

    def test_what_the_keeper_started_ends_with_the_runtime(self):
        self.send_and_wait(signal.SIGKILL, READY_SECONDS)
        kept = self.plugin.pid
        before = self.plugin.registrations
        self.runtime.kill()
        self.runtime.start()
        self.plugin.wait_for_registration(before)
        self.assertTrue(host.is_zombie(kept))
        self.assert_only_one()
        self.assertEqual(len(pids(str(PLUGINS))), 1)
        self.assert_protects()


# What becomes of the plugin right before containerd is restarted.
FATES = ("none", "stopped", "killed", "slow", "stopped after it was killed")


class Restarts(PluginCase):
    """E2E_RESTARTS says how many; the ways that things go wrong take turns."""

    launched = True

    def test_restarts_of_containerd_never_leave_two_or_none(self):
        begin = self.runtime.log.stat().st_size
        for number in range(int(os.environ.get("E2E_RESTARTS", len(FATES)))):
            fate = FATES[number % len(FATES)]
            with self.subTest(number=number, fate=fate):
                self.meet(fate)
                before = self.plugin.registrations
                self.runtime.kill() if number % 2 else self.runtime.stop()
                self.runtime.start()
                self.plugin.wait_for_registration(before)
                pod = self.profiled_pod("shop")
                container = pod.run("probe", "sleep")
                self.assert_runs(container, "id", "-u", prints="0\n")
                self.assert_denied(container, "wc", "/etc/passwd")
                pod.remove()
                self.assertEqual(len(pids(str(PLUGINS), KEPT)), 1)
                self.assertEqual(len(pids(KEEPER)), 1)
        self.assertEqual(self.most_registered(begin), 1)

    def meet(self, fate: str) -> None:
        pid = self.plugin.pid
        if fate == "stopped":
            os.kill(pid, signal.SIGSTOP)
        elif fate == "killed":
            os.kill(pid, signal.SIGKILL)
        elif fate == "slow":
            os.kill(pid, signal.SIGSTOP)
            self.profiled_pod("shop").remove()  # 2 seconds, and it is dropped
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        elif fate == "stopped after it was killed":
            before = self.plugin.registrations
            os.kill(pid, signal.SIGKILL)
            self.plugin.wait_for_registration(before)
            os.kill(self.plugin.pid, signal.SIGSTOP)

    def most_registered(self, begin: int) -> int:
        """By what containerd lists whenever its plugins change; its log goes on from one class to the next."""
        most = 0
        for line in self.runtime.log.read_bytes()[begin:].decode(errors="replace").splitlines():
            if "plugin invocation order" in line:
                count = 0
            elif re.search(r'msg="  #\d+: .*stockade', line):
                count += 1
                most = max(most, count)
        return most


class ConnectionsOff(PluginCase):
    """containerd takes no plugin but those that it launches."""

    launched = True

    @classmethod
    def install(cls):
        super().install()
        cls.runtime.refuses_connections = True

    def test_that_nothing_can_replace_the_plugin_is_said_once_with_the_remedy(self):
        os.kill(self.plugin.pid, signal.SIGKILL)
        said = "set disable_connections = false"
        wait_until("the keeper to say so", lambda: said in self.plugin.messages(), 20)
        time.sleep(3)
        self.assertEqual(self.plugin.messages().count(said), 1)
        self.assertEqual(pids(KEPT, str(PLUGINS)), [])
        # As the remedy says, a restart brings it back.
        self.restart_runtime()
        self.assertEqual(len(pids(str(PLUGINS))), 1)
        self.assertEqual(len(pids(KEEPER)), 1)


class BesideAService(PluginCase):
    """Both are installed, which nobody should do: the one that serves goes on, and the other says so and ends."""

    launched = False

    def test_a_launched_plugin_ends_where_a_service_has_the_node(self):
        PLUGINS.mkdir(parents=True, exist_ok=True)
        (PLUGINS / NAME).symlink_to(self.plugin.binary)
        self.addCleanup((PLUGINS / NAME).unlink)
        log = SCRATCH / "beside.log"
        syslog = Syslog(log)
        self.addCleanup(syslog.close)
        self.restart_runtime()
        wait_until("the launched one to end", lambda: not pids(str(PLUGINS)))
        self.assertIn("another stockade serves this node", log.read_text())
        self.assertIn(f"process={self.plugin.process.pid}", log.read_text())
        self.assertEqual(pids(KEEPER, KEPT), [])
        self.assert_bound_to_shop(self.profiled_pod("shop").run("probe", "sleep"))

    def test_a_second_service_ends_and_says_which_process_serves(self):
        command = [self.plugin.binary, "run", "--index", "20"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=20)
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"process={self.plugin.process.pid}", second.stderr)
        self.assert_bound_to_shop(self.profiled_pod("shop").run("probe", "sleep"))
