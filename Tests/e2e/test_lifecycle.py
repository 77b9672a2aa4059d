"""containerd and the plugin come and go; containers stay bound, are adopted, and are released at their end."""

import os
import re
import signal

from case import PluginCase
from host import is_zombie, wait_until
from plugin import PINS, PROFILES


class Lifecycle:
    """Mixed into a PluginCase for each way of running the plugin."""

    def test_a_running_container_stays_bound_while_containerd_restarts(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.restart_runtime()
        self.assert_bound_to_shop(container)
        container.stop()
        container.remove()
        self.assert_released(container)

    def test_enforcement_goes_on_after_the_plugin_was_killed_and_the_next_one_adopts(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.plugin.kill()
        self.assert_bound_to_shop(container)
        self.replace_plugin()
        self.assert_bound_to_shop(container)
        container.stop()
        container.remove()
        self.assert_released(container)

    def test_a_container_that_ended_while_the_plugin_was_away_is_released_by_the_next_one(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.plugin.kill()
        container.stop()
        container.remove()
        self.replace_plugin()
        self.assert_released(container)

    def test_a_container_that_ended_while_containerd_was_away_is_released(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        pid = container.pid
        before = self.plugin.registrations
        self.runtime.stop()
        self.end_process(pid)
        self.runtime.start()
        self.plugin.wait_for_registration(before)
        self.assert_released(container)

    def test_a_container_created_while_the_plugin_was_away_may_not_exec(self):
        pod = self.profiled_pod("shop")
        self.plugin.kill()
        self.assert_create_answered("the first Create", pod)
        self.assert_create_answered("a later Create", pod)
        unguarded = pod.run("probe", "sleep")
        self.assertEqual(self.wait_for_exit(unguarded).exit_code, 137)
        self.replace_plugin()
        self.assert_bound_to_shop(pod.run("probe", "sleep", name="next"))

    def test_a_changed_profile_changes_a_running_container(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.assert_denied(container, "wc", "/usr/bin/script")
        self.change_shop()
        wait_until("the new rule to be in force", lambda: container.exec("wc", "-c", "/usr/bin/script").code == 0)
        self.assert_denied(container, "id")

    def change_shop(self):
        """`wc` may run and `id` may not, until the test is over."""
        profile = PROFILES / "shop.yaml"
        self.addCleanup(profile.write_text, profile.read_text())
        replace(profile, profile.read_text().replace("/usr/bin/id", "/usr/bin/wc"))

    def test_a_broken_profile_changes_nothing(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        profile = PROFILES / "shop.yaml"
        self.addCleanup(profile.write_text, profile.read_text())
        replace(profile, profile.read_text().replace("defaultAction: Block", "defaultAction: Blok", 1))
        wait_until("the refusal to be logged", lambda: "Blok" in self.plugin.messages())
        self.assert_bound_to_shop(container)

    def end_process(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        wait_until("the process to end", lambda: is_zombie(pid))


def replace(path, text: str) -> None:
    """As editors do: the new file takes the old one's name."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


class Launched(Lifecycle, PluginCase):
    launched = True

    def test_the_plugin_ends_with_containerd(self):
        pid = self.plugin.pid
        self.assertIsNotNone(pid)
        self.restart_runtime()
        self.assertNotEqual(self.plugin.pid, pid)


class External(Lifecycle, PluginCase):
    launched = False

    def test_a_container_whose_processes_sit_below_its_cgroup_is_adopted_and_gets_a_changed_profile(self):
        # containerd 1.7 never tells a plugin that it launched what runs.
        container = self.profiled_pod("shop").run("probe", "sleep")
        below = container.cgroup / "init.scope"
        below.mkdir()
        (below / "cgroup.procs").write_text(str(container.pid))
        # The log goes on from one class to the next.
        told = len(self.plugin.messages())
        self.plugin.kill()
        self.replace_plugin()
        self.assert_bound_to_shop(container)
        self.assertNotIn("cannot confine", self.plugin.messages()[told:])
        self.change_shop()
        wait_until("the new rule to be in force", lambda: container.exec("wc", "-c", "/usr/bin/script").code == 0)
        self.assert_denied(container, "id")
        container.stop()
        container.remove()
        self.assert_released(container)

    def test_a_container_that_is_older_than_the_plugin_is_adopted_with_its_tasks(self):
        self.plugin.stop()
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.assert_runs(container, "wc", "-c", "/usr/bin/script", prints="26 /usr/bin/script\n")
        self.plugin.start()
        self.assert_bound_to_shop(container)
        self.wait_for_adoption(container, "ranUnconfined=true")
        self.plugin.stop()
        self.plugin.start()
        self.wait_for_adoption(container, "ranUnconfined=false")

    def wait_for_adoption(self, container, says: str) -> None:
        line = re.compile(f" adopted container=app id={container.id} .* {says}$", re.MULTILINE)
        wait_until("its adoption", lambda: line.search(self.plugin.messages()))

    def test_a_node_whose_pods_have_more_annotations_than_a_message_may_have_bytes(self):
        if self.runtime.release >= (2, 0):
            self.skipTest("containerd 2 splits the message")
        self.plugin.stop()
        pods = [self.profiled_pod("shop", more={"note": "x" * 240_000}) for _ in range(20)]
        container = pods[-1].run("probe", "sleep")
        self.plugin.start()
        self.assert_bound_to_shop(container)
        self.assert_bound_to_shop(pods[0].run("probe", "sleep", name="next"))

    def test_a_list_of_pods_that_containerd_cannot_send_is_told_and_asked_for_again(self):
        if self.runtime.release >= (2, 0):
            self.skipTest("containerd 2 splits the message")
        self.plugin.stop()
        pods = [self.profiled_pod("shop", more={"note": "x" * 240_000}) for _ in range(75)]
        container = pods[0].run("probe", "sleep")
        self.plugin.start(is_told=False)
        wait_until("that to be told", lambda: "before it told what runs" in self.plugin.messages(), 60)
        for pod in pods[1:]:
            pod.remove()
        wait_until("its adoption", lambda: f"id={container.id}" in self.plugin.messages(), 60)
        self.assert_bound_to_shop(container)

    def test_a_stopped_plugin_with_no_containers_leaves_no_pin(self):
        self.profiled_pod("shop").run("probe", "sleep")
        self.runtime.remove_all()
        self.assert_nothing_bound()
        self.plugin.stop()
        self.assertFalse(PINS.exists())
        self.plugin.start()
