"""Whatever becomes of the plugin while a container starts, no denied program gets to its first write where that is
promised: from an answered RunPodSandbox on, and with the node gate always. The sandboxes live, and what is allowed runs
once it is let through.

E2E_STARTS: how many starts each class tries; more than by default for a longer run.
"""

import contextlib
import os
import random
import signal
import threading
import time
import uuid

import host
from case import PluginCase
from cri import Refused
from host import wait_until
from test_node_gate import NodeGateCase

STARTS = int(os.environ.get("E2E_STARTS", "10"))
# From the request for a pod to the end of its container's start, about.
SPAN_SECONDS = 0.35


class Starts:
    """Mixed into a PluginCase. `how` is the signal that the plugin gets at a random moment."""

    how = signal.SIGKILL
    is_promised_from_the_first_moment = False

    def test_no_denied_program_runs(self):
        ran, lived, let_through = [], 0, 0
        for number in range(STARTS):
            pod, is_promised, log = self.start_disturbed()
            if log and (is_promised or self.is_promised_from_the_first_moment):
                ran.append(number)
            self.bring_back()
            lived += not host.is_zombie(pod.pid)
            let_through += self.is_let_through(pod)
            self.runtime.cri.stop_pod(pod.id)
            self.runtime.cri.remove_pod(pod.id)
        self.assertEqual((ran, lived, let_through), ([], STARTS, STARTS))

    def start_disturbed(self):
        """A pod, whether its RunPodSandbox was answered before the plugin was disturbed, and what its container, whose
        program is denied, has written."""
        pid, moments = self.plugin.pid, {}
        timer = threading.Timer(random.uniform(0, SPAN_SECONDS), self.disturb, [pid, moments])
        timer.start()
        pod = self.profiled_pod("no-id")
        answered = time.monotonic()
        log = ""
        # A refusal is what is wanted as well.
        with contextlib.suppress(Refused):
            container = pod.create("id")
            container.start()
            self.wait_for_exit(container)
            log = container.log
        timer.join()
        return pod, moments["disturbed"] > answered, log

    def disturb(self, pid: int, moments: dict) -> None:
        moments["disturbed"] = time.monotonic()
        os.kill(pid, self.how)

    def bring_back(self) -> None:
        self.plugin.kill()
        self.plugin.start()

    def is_let_through(self, pod) -> bool:
        # Where the profiles are not read yet it is refused, and the kubelet tries again as well.
        container = wait_until("its start to be allowed", lambda: self.started(pod), 20)
        with contextlib.suppress(TimeoutError):
            wait_until("its program", lambda: "probe" in host.command_of(container.pid), 5)
        return "probe" in host.command_of(container.pid)

    def started(self, pod):
        with contextlib.suppress(Refused):
            return pod.run("probe", "sleep", name=f"after-{uuid.uuid4()}")


class ExternalKilled(Starts, PluginCase):
    launched = False


class ExternalStopped(Starts, PluginCase):
    launched = False
    how = signal.SIGSTOP


class LaunchedKilled(Starts, PluginCase):
    launched = True

    def disturb(self, pid: int, moments: dict) -> None:
        self.before = self.plugin.registrations
        super().disturb(pid, moments)

    def bring_back(self) -> None:
        """Its keeper does."""
        wait_until("the next one", lambda: self.plugin.registrations > self.before, 20)


class BehindTheNodeGate(Starts, NodeGateCase):
    is_promised_from_the_first_moment = True


class StoppedBehindTheNodeGate(Starts, NodeGateCase):
    how = signal.SIGSTOP
    is_promised_from_the_first_moment = True
