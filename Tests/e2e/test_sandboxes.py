"""A pod's sandbox is made again in the pod's cgroup: its process runs, and its containers are bound."""

import contextlib
import os
import signal

import host
from case import Pod, PluginCase
from cri import Refused
from host import wait_until


class Sandboxes(PluginCase):
    launched = False

    def setUp(self):
        super().setUp()
        self.guarded = self.profiled_pod("shop")
        self.first = self.guarded.run("probe", "sleep")
        self.shim = host.parent_of(self.guarded.pid)

    def tearDown(self):
        super().tearDown()
        # containerd forgets the shim of a sandbox whose process ended while containerd was away.
        if not host.is_zombie(self.shim):
            os.kill(self.shim, signal.SIGKILL)

    # ---- what becomes of the first sandbox ----

    def end(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_until("the process to end", lambda: host.is_zombie(pid))

    def end_sandbox_process(self) -> None:
        self.end(self.guarded.pid)

    def end_shim(self) -> None:
        pause, container = self.guarded.pid, self.first.pid
        self.end(self.shim)
        # containerd ends the sandbox's process; the container's before 2.0 only.
        wait_until("the sandbox's process to end", lambda: host.is_zombie(pause), 20)
        self.end(container)
        self.wait_for_exit(self.first)

    def stop_sandbox(self) -> str:
        self.runtime.cri.stop_pod(self.guarded.id)
        return self.guarded.id

    def remove_sandbox(self) -> None:
        self.runtime.cri.remove_pod(self.stop_sandbox())

    def restart_containerd(self) -> None:
        before = self.plugin.registrations
        self.runtime.stop()
        self.runtime.start()
        if self.plugin.pid is not None:
            self.plugin.wait_for_registration(before)

    # ---- what must hold of the next one ----

    def assert_next_is_bound(self) -> None:
        """The sandbox's process lives, and a container of it is confined."""
        self.guarded.run_sandbox()
        self.assert_alive(self.guarded)
        container = self.guarded.run("probe", "sleep", name="next")
        self.assert_bound_to_shop(container)
        self.assert_alive(self.guarded)

    def assert_next_is_closed(self) -> None:
        """While the plugin is away: the sandbox's process lives, and no program of a container runs."""
        self.guarded.run_sandbox()
        self.assert_alive(self.guarded)
        container = self.guarded.run("script", name="away")
        self.assert_never_ran(container)
        self.assert_alive(self.guarded)

    def assert_alive(self, pod: Pod) -> None:
        """Its process has become what the image says, which the gate would have killed."""
        wait_until("the sandbox's process to run its program", lambda: "runc" not in host.command_of(pod.pid), 5)
        self.assertFalse(host.is_zombie(pod.pid), "the sandbox's process was killed")

    # ---- the ways ----

    def test_after_it_was_removed(self):
        self.remove_sandbox()
        self.assert_next_is_bound()

    def test_twice(self):
        for _ in range(2):
            self.remove_sandbox()
            self.assert_next_is_bound()

    def test_after_its_process_was_killed(self):
        self.end_sandbox_process()
        self.remove_sandbox()
        self.assert_next_is_bound()

    def test_after_its_shim_was_killed(self):
        self.end_shim()
        self.remove_sandbox()
        self.assert_next_is_bound()

    def test_while_the_old_one_is_removed_late(self):
        old = self.stop_sandbox()
        self.assert_next_is_bound()
        self.runtime.cri.remove_pod(old)
        self.assert_bound_to_shop(self.guarded.run("probe", "sleep", name="later"))

    def test_after_containerd_was_restarted(self):
        self.restart_containerd()
        self.remove_sandbox()
        self.assert_next_is_bound()

    def test_after_its_process_was_killed_while_containerd_was_away(self):
        pause, before = self.guarded.pid, self.plugin.registrations
        self.runtime.stop()
        self.end(pause)
        self.runtime.start()
        self.plugin.wait_for_registration(before)
        self.remove_sandbox()
        self.assert_next_is_bound()

    def test_while_the_plugin_is_away(self):
        self.plugin.kill()
        self.remove_sandbox()
        self.assert_next_is_closed()
        self.plugin.start()
        self.assert_bound_to_shop(self.guarded.run("probe", "sleep", name="next"))

    def test_after_its_process_and_the_plugin_were_killed_and_containerd_was_restarted_twice(self):
        self.end_sandbox_process()
        self.plugin.kill()
        for _ in range(2):
            self.restart_containerd()
            self.remove_sandbox()
            self.assert_next_is_closed()
        self.plugin.start()
        self.remove_sandbox()
        self.assert_next_is_bound()

    def test_while_the_plugin_is_away_and_a_container_of_the_old_one_is_restarted(self):
        self.plugin.kill()
        pause = self.guarded.pid
        ready = self.guarded.create("script", name="ready")
        self.end(pause)
        # Its cgroup is the first that is made after the sandbox's was left.
        try:
            ready.start()
            self.assert_never_ran(ready)
        except Refused:
            pass
        self.remove_sandbox()
        self.assert_next_is_closed()
        self.plugin.start()
