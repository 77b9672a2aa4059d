"""Somebody with root's rights changes what the plugin keeps in the kernel: it goes on, is told, and is mended."""

import shutil
import subprocess
import time

import cri
import host
from case import PluginCase
from host import wait_until
from plugin import PINS

# In which it is told, and mended.
NOTICE_SECONDS = 5
# Each container has its turn every 5 seconds, and the telling takes a moment more.
CONTAINER_NOTICE_SECONDS = 7
WHAT = "somebody has changed what stockade keeps in the kernel"


class Removal:
    """Mixed into a PluginCase for each way of running the plugin."""

    def test_pins_that_are_removed_open_nothing_and_are_there_again(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        before, told = pins(), len(self.tampered())
        shutil.rmtree(PINS)
        removed = time.monotonic()
        while not (found := self.tampered()[told:]) and time.monotonic() < removed + NOTICE_SECONDS * host.patience:
            self.assert_bound_to_shop(container)
        self.assertTrue(found, "nothing was told")
        self.assertTrue(all(event["mended"] for event in found), found)
        self.assertFalse([event for event in found if "did not run" in event["what"]])
        wait_until("the pins to be there again", lambda: pins() == before, NOTICE_SECONDS)
        self.assertIn(WHAT, self.plugin.messages())
        self.assert_bound_to_shop(container)
        pod = self.profiled_pod("shop")
        self.assert_bound_to_shop(pod.run("probe", "sleep"))
        # What is pinned is what enforces.
        self.plugin.kill()
        self.assert_bound_to_shop(container)
        self.replace_plugin()
        self.assert_bound_to_shop(container)

    def tampered(self) -> list[dict]:
        return [event for event in self.plugin.events() if event["kind"] == "tampered"]


def pins() -> set[str]:
    return {str(path) for path in host.below(PINS) if path.parent.name != "users"}


class Launched(Removal, PluginCase):
    launched = True


class External(Removal, PluginCase):
    launched = False

    def test_a_container_that_starts_just_after_the_pins_were_removed_is_confined(self):
        pod = self.profiled_pod("shop")
        shutil.rmtree(PINS)
        for number in range(20):
            created = pod.run("probe", "sleep", name=f"app{number}")
            self.assert_bound_to_shop(created)

    def test_a_network_program_that_is_detached_is_attached_again(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        told = len(self.tampered())
        pin = PINS / "links" / str(container.cgroup_id) / "connect4"
        subprocess.run(["/usr/sbin/bpftool", "link", "detach", "pinned", pin], check=True)
        wait_until("that to be told", lambda: self.tampered()[told:], CONTAINER_NOTICE_SECONDS)
        [event] = self.tampered()[told:]
        self.assertEqual(event["what"], "network programs of a container: programs did not run: connect4")
        self.assertEqual((event["container"]["id"], event["mended"]), (container.id, True))
        self.assert_bound_to_shop(container)

    def test_while_no_pins_can_be_made_nothing_under_fail_starts(self):
        pod = self.profiled_pod("shop")
        container = pod.run("probe", "sleep")
        told = len(self.tampered())
        host.mount("tmpfs", str(host.BPF_FILES), "tmpfs")
        try:
            wait_until("that to be told", lambda: self.tampered()[told:], NOTICE_SECONDS)
            self.assertFalse(self.tampered()[-1]["mended"])
            with self.assertRaisesRegex(cri.Refused, "it is not on a bpf file system"):
                pod.run("probe", "sleep", name="refused")
            self.assert_bound_to_shop(container)
        finally:
            subprocess.run(["umount", host.BPF_FILES], check=True)
        wait_until("the mending to be told", lambda: self.tampered()[-1]["mended"], NOTICE_SECONDS)
        self.assert_bound_to_shop(pod.run("probe", "sleep", name="confined"))

        # Of the tables, and, if the look came upon them as well, of the container's network programs.
        def all_are_mended():
            mended = [event["mended"] for event in self.tampered()[told:]]
            return mended[0] is False and mended.count(True) == mended.count(False)

        wait_until("each to be told as mended", all_are_mended, NOTICE_SECONDS)
