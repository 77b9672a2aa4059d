"""A pod at tier `lsm`, where what is denied fails and nothing is killed. Needs a kernel with `bpf` in `lsm=`.

Its name keeps it from the tests that run on every kernel: `hack/test containerd-lsm` runs it in a virtual machine.
"""

import os
import pathlib
import re
import subprocess
import time

import leftovers
from case import PluginCase, RuntimeCase
from cri import api
from host import wait_until
from plugin import PINS
from ways import DISGUISES

# What profile `vault` denies, by the section that does, each with what it prints where no profile is. There they can be
# done in this order.
FILES = {
    "read a file": ("cat /etc/secret", "the secret\n"),
    "read it by a symbolic link": ("ln -s /etc/secret /tmp/s; cat /tmp/s", "the secret\n"),
    "read it by another root": ("cat /proc/self/root/etc/secret", "the secret\n"),
    "write a file": ("echo spoilt >>/etc/greeting", ""),
    "remove a file": ("/bin/busybox rm /etc/greeting", ""),
    "rename a file": ("/bin/busybox mv /etc/secret /tmp/moved", ""),
}
KERNEL = {
    "mount": ("/bin/busybox mount -t tmpfs none /volume", ""),
    "a user namespace": ("/bin/busybox unshare -U /bin/busybox echo inside", "inside\n"),
}
# What one container of a pod can do to another where they share pids; it prints something.
OTHERS = {
    "its files": "cat /proc/{pid}/root/etc/greeting",
    "its environment": "cat /proc/{pid}/environ",
    "its memory map": "cat /proc/{pid}/maps",
}
# By the version of runc: what it exits with when the kernel refuses to execute the command.
EXEC_REFUSED_CODES = (1, 126, 255)


# Longer than it takes an emulated machine to look twice.
AUDIT_SECONDS = 60


def script(command: str) -> list[str]:
    return ["sh", "-c", f"{command}; echo status $?"]


def neighbours(pod) -> tuple:
    """Two containers of a pod that share pids, and the first one's process as the second sees it."""
    one, other = (pod.run("probe", "sleep", name=name) for name in ("one", "other"))
    status = pathlib.Path(f"/proc/{one.pid}/status").read_text()
    return other, re.search(r"^NSpid:.*\s(\d+)$", status, re.MULTILINE)[1]


def bpf_programs() -> dict[str, str]:
    return leftovers.bpf_objects("link") | leftovers.bpf_objects("prog")


class WithoutPlugin(RuntimeCase):
    """That what is denied below would succeed."""

    def test_everything_that_the_profile_denies_can_be_done_without_it(self):
        container = self.pod(privileged=True).run("probe", "sleep")
        for what, (command, prints) in (FILES | KERNEL).items():
            with self.subTest(what):
                self.assertEqual(container.exec(*script(command)).text, f"{prints}status 0\n")

    def test_containers_that_share_pids_reach_each_other_without_it(self):
        other, pid = neighbours(self.pod(privileged=True, pids=api.POD))
        for what, command in OTHERS.items():
            with self.subTest(what):
                self.assertRegex(other.exec(*script(command.format(pid=pid))).out, "(?s).+status 0\n$")


class LsmTier:
    """Mixed into a PluginCase for each way of running the plugin."""

    def vault(self):
        """Privileged: what is refused to it is refused by the profile and not for want of a capability."""
        return self.profiled_pod("vault", privileged=True).run("probe", "sleep")

    def assert_all_refused(self, container, attempts: dict[str, tuple[str, str]], reason: str) -> None:
        for what, (command, _) in attempts.items():
            with self.subTest(what):
                output = container.exec(*script(command))
                self.assertEqual(output.out, "status 1\n")
                self.assertRegex(output.err, reason)

    def assert_exec_refused(self, container, *command: str) -> None:
        """With EACCES: no process was killed for it."""
        output = container.exec(*command)
        self.assertEqual((output.out, output.err), ("", f"exec /usr/bin/{command[0]}: permission denied\n"))
        self.assertIn(output.code, EXEC_REFUSED_CODES)

    def assert_bound_to_vault(self, container) -> None:
        """One allowed and one denied of each kind."""
        self.assert_runs(container, "id", "-u", prints="0\n")
        self.assert_exec_refused(container, "wc", "/usr/bin/script")
        self.assert_runs(container, "cat", "/etc/greeting", prints="hello\n")
        self.assert_all_refused(container, {"read a file": FILES["read a file"]}, "Permission denied")
        self.assert_all_refused(container, {"mount": KERNEL["mount"]}, "permission denied")

    def test_an_exec_into_the_pod_is_allowed_or_refused_with_eacces(self):
        container = self.vault()
        self.assert_runs(container, "id", "-u", prints="0\n")
        self.assert_runs(container, "script", prints="script ran\n")
        self.assert_exec_refused(container, "wc", "/usr/bin/script")
        # The entrypoint was allowed once.
        self.assert_exec_refused(container, "probe", "sleep")
        self.assertEqual(container.status.state, api.CONTAINER_RUNNING)

    def test_a_denied_program_is_refused_and_not_killed_however_it_is_reached(self):
        container = self.vault()
        for way, command in DISGUISES.items():
            with self.subTest(way):
                output = container.exec(*script(command))
                self.assertEqual(output.out, "status 126\n")
                self.assertIn("Permission denied", output.err)

    def test_protected_files_are_refused_and_others_are_not(self):
        container = self.vault()
        self.assert_all_refused(container, FILES, "Permission denied")
        self.assert_runs(container, *script("cat /etc/greeting; echo mine >/tmp/mine; cat /tmp/mine"),
                         prints="hello\nmine\nstatus 0\n")

    def test_what_the_kernel_section_blocks_is_refused(self):
        self.assert_all_refused(self.vault(), KERNEL, "Operation not permitted|permission denied")

    def test_containers_that_share_pids_are_out_of_reach_of_each_other(self):
        other, pid = neighbours(self.profiled_pod("vault", privileged=True, pids=api.POD))
        attempts = {what: (command.format(pid=pid), "") for what, command in OTHERS.items()}
        self.assert_all_refused(other, attempts, "Operation not permitted|Permission denied")
        self.assert_runs(other, "cat", "/proc/self/root/etc/greeting", prints="hello\n")

    def test_a_denied_entrypoint_is_refused_with_eacces_and_not_killed(self):
        container = self.profiled_pod("no-id").run("id")
        self.assertIn(self.wait_for_exit(container).exit_code, EXEC_REFUSED_CODES)
        self.assertRegex(container.log, "^[^\n]* exec /usr/bin/id: permission denied\n$")

    def test_a_refused_file_is_reported_with_container_profile_and_path(self):
        container = self.vault()
        container.exec("cat", "/etc/secret")

        def reported():
            events = [event for event in self.plugin.events() if container.id in str(event)]
            return [event for event in events if "/etc/secret" in str(event)]

        self.assertIn("vault", str(wait_until("the event", reported)[0]))

    def test_enforcement_goes_on_after_the_plugin_was_killed_and_the_next_one_adopts(self):
        container = self.vault()
        self.plugin.kill()
        self.assert_bound_to_vault(container)
        self.replace_plugin()
        self.assert_bound_to_vault(container)

    def test_nothing_is_left_of_a_container_that_was_stopped_and_removed(self):
        container = self.vault()
        self.assertTrue(leftovers.bound(container.cgroup_id))
        container.stop()
        container.remove()
        self.assert_released(container)
        container.pod.remove()
        self.assert_nothing_bound()


class Launched(LsmTier, PluginCase):
    launched = True


class External(LsmTier, PluginCase):
    launched = False

    def test_a_temporary_audit_lets_pass_and_ends_while_no_stockade_runs(self):
        container = self.vault()
        secret = {"read a file": FILES["read a file"]}
        command = [os.environ["E2E_PLUGIN"], "audit", "container", container.id, "--for", f"{AUDIT_SECONDS}s",
                   "--reason", "a test"]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        until = time.monotonic() + AUDIT_SECONDS
        self.assert_runs(container, *script("cat /etc/secret"), prints="the secret\nstatus 0\n")
        self.plugin.kill()
        self.assert_runs(container, *script("cat /etc/secret"), prints="the secret\nstatus 0\n")
        self.assertLess(time.monotonic(), until, "this machine was too slow to look before the end")
        time.sleep(until + 1 - time.monotonic())
        self.assert_bound_to_vault(container)
        self.replace_plugin()
        self.assert_all_refused(container, secret, "Permission denied")

    def test_a_stopped_plugin_with_no_containers_leaves_nothing_in_the_kernel(self):
        self.vault()
        self.assertIn("lsm", str(bpf_programs()))
        self.runtime.remove_all()
        self.assert_nothing_bound()
        self.plugin.stop()
        self.assertFalse(PINS.exists())
        # Nobody else uses BPF in this machine, but runc for a container's devices.
        wait_until("its programs to go", lambda: not bpf_programs())
        self.plugin.start()
