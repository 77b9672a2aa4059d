"""With the node gate closed no container's program runs until Stockade lets it through, whoever is there."""

import json
import subprocess
import time
import uuid

import host
from case import Pod, PluginCase
from host import wait_until
from plugin import CONFIG, EXTERNAL_CONFIG, PINS

GATE = "nodeGate: {enabled: true, exempt: {staticPods: ['*']}}\n"
# Without it a gate that is closed stays so.
OPEN = "nodeGate: {enabled: false}\n"


class NodeGateCase(PluginCase):
    """Tests with the node gate closed, as at boot."""

    launched = False

    @classmethod
    def install(cls):
        super().install()
        EXTERNAL_CONFIG.write_text(CONFIG + GATE)
        cls.addClassCleanup(cls.open_for_good)
        # As at boot: before the runtime, and before any Stockade.
        cls.gate("close")

    @classmethod
    def open_for_good(cls):
        EXTERNAL_CONFIG.parent.mkdir(exist_ok=True)
        EXTERNAL_CONFIG.write_text(CONFIG + OPEN)
        cls.runtime.start()
        cls.plugin.start()
        cls.plugin.stop()
        cls.runtime.stop()
        if PINS.exists():
            raise RuntimeError("the pins stayed though the node gate is open")

    @classmethod
    def command(cls, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run([cls.plugin.binary, "gate", *words], capture_output=True, text=True)

    @classmethod
    def gate(cls, *words: str) -> str:
        done = cls.command(*words)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout


class NodeGate(NodeGateCase):
    # ---- what must hold ----

    def assert_sandbox_lives(self, pod: Pod) -> None:
        wait_until("the sandbox's process to run its program", lambda: "runc" not in host.command_of(pod.pid), 5)
        self.assertFalse(host.is_zombie(pod.pid), "the sandbox's process was killed")

    def assert_refused(self, pod: Pod, name: str) -> None:
        """Its program does not get to its first write."""
        container = pod.run("script", name=name)
        self.assertEqual(self.wait_for_exit(container).exit_code, 137)
        self.assertEqual(container.log, "")
        self.assert_sandbox_lives(pod)

    def assert_starts(self, pod: Pod, name: str) -> None:
        container = pod.run("script", name=name)
        self.assertEqual(self.wait_for_exit(container).exit_code, 0)
        self.assertIn("script ran", container.log)

    # ---- tests ----

    def test_without_the_plugin_sandboxes_live_and_no_program_of_a_container_runs(self):
        self.plugin.kill()
        pods = [self.pod(), self.profiled_pod("shop"), self.pod()]
        for pod in pods:
            self.assert_sandbox_lives(pod)
            self.assert_refused(pod, "away")
        self.plugin.start()
        self.assert_starts(pods[0], "back")
        self.assert_bound_to_shop(pods[1].run("probe", "sleep", name="back"))

    def test_a_pod_that_needs_no_gate_goes_on_without_the_plugin(self):
        pod = self.pod()
        self.assert_starts(pod, "first")
        self.plugin.kill()
        self.assert_starts(pod, "away")
        self.plugin.start()

    def test_a_pods_next_sandbox_lives_and_its_containers_wait(self):
        pod = self.profiled_pod("shop")
        self.plugin.kill()
        for name in ("first", "second"):
            self.runtime.cri.stop_pod(pod.id)
            self.runtime.cri.remove_pod(pod.id)
            pod.run_sandbox()
            self.assert_sandbox_lives(pod)
            self.assert_refused(pod, name)
        self.plugin.start()
        self.assert_bound_to_shop(pod.run("probe", "sleep", name="back"))

    def test_an_opening_ends_by_itself_and_is_told(self):
        pod = self.profiled_pod("shop")
        self.plugin.kill()
        self.assert_refused(pod, "before")
        self.gate("open", "--for", "4s", "--reason", "a test of ours")
        self.assert_starts(pod, "meanwhile")
        self.assertIsNotNone(json.loads(self.gate("status", "-o", "json"))["openUntil"])
        time.sleep(4)
        self.assert_refused(pod, "afterwards")
        self.plugin.start()
        def reasons():
            return [event["reason"] for event in self.plugin.events() if event.get("act") == "openedFor"]

        self.assertEqual(wait_until("the record", reasons), ["a test of ours"])

    def test_closing_ends_an_opening(self):
        pod = self.profiled_pod("shop")
        self.plugin.kill()
        self.gate("open", "--for", "1h", "--reason", "a test")
        self.gate("close")
        self.assert_refused(pod, "closed")
        self.plugin.start()

    def test_one_pod_is_freed_and_others_wait(self):
        self.plugin.kill()
        freed, other = self.pod(), self.pod()
        self.assert_refused(freed, "before")
        self.gate("free", "--reason", "a test", freed.config.metadata.uid)
        self.assert_starts(freed, "after")
        self.assert_refused(other, "after")
        self.assertEqual(self.command("free", "--reason", "a test", "nobody").returncode, 1)
        self.plugin.start()

    def test_a_static_pod_is_never_held_back(self):
        self.plugin.kill()
        uid = uuid.uuid4().hex
        for parent in (f"/kubepods/besteffort/pod{uid}", f"/kubepods/pod{uid}"):
            self.assert_starts(self.pod(cgroup_parent=parent), "static")
        self.plugin.start()

    def test_what_runs_when_the_gate_is_closed_runs_on(self):
        self.plugin.stop()
        EXTERNAL_CONFIG.write_text(CONFIG + OPEN)
        self.plugin.start()
        pod = self.pod()
        running = pod.run("probe", "sleep")
        self.assert_runs(running, "id", "-u", prints="0\n")
        EXTERNAL_CONFIG.write_text(CONFIG + GATE)
        self.gate("close")
        self.assert_runs(running, "id", "-u", prints="0\n")
        self.plugin.kill()
        self.assert_runs(running, "id", "-u", prints="0\n")
        self.assert_refused(self.pod(), "new")
        self.plugin.start()
