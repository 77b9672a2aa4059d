"""The scripts that install Stockade on a node and remove it, in a folder that stands for the node."""

import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from node import SECONDS_MAX, Node

ROOT = pathlib.Path(__file__).resolve().parents[2]
START = ["systemctl daemon-reload", "systemctl is-active --quiet stockade.service",
         "systemctl enable --now --no-block stockade.service"]


def wait_until(what: str, condition) -> None:
    end = time.monotonic() + SECONDS_MAX
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {SECONDS_MAX} s for {what}")
        time.sleep(0.02)


class OnNode(unittest.TestCase):
    def setUp(self):
        self.node = Node(pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())))

    def installs(self, **more):
        status, said = self.node.install(**more)
        self.assertEqual(status, 0, said)
        return said

    def refuses(self, why, script="install-node", *arguments, **more):
        """It fails, and the node is as it was."""
        before = self.node.files()
        status, said = self.node.run(script, *(arguments or (["--once"] if script == "install-node" else [])), **more)
        self.assertEqual(status, 1, said)
        self.assertIn(why, said)
        self.assertEqual(self.node.files(), before)
        return said


class Install(OnNode):
    def test_a_new_node_gets_everything_and_the_service_is_started(self):
        said = self.installs()
        self.assertEqual(self.node.program.read_text(), (self.node.image / "usr/bin/stockade").read_text())
        self.assertTrue(os.access(self.node.program, os.X_OK))
        self.assertEqual(self.node.profiles(), {"web.yaml": "one\n", "base.yaml": "base\n"})
        self.assertEqual((self.node.etc / "stockade.yaml").read_text(), "logLevel: info\n")
        self.assertEqual((self.node.root / "etc/systemd/system/stockade.service").read_text(), "[Unit]\n")
        self.assertEqual(self.node.asked_of_systemd(), START)
        self.assertNotIn("Restart Stockade", said)

    def test_a_second_time_changes_nothing(self):
        self.installs()
        before = {path: os.stat(self.node.root / path).st_ino for path in self.node.files()}
        self.assertEqual(self.installs(), "")
        self.assertEqual({path: os.stat(self.node.root / path).st_ino for path in self.node.files()}, before)
        self.assertEqual(self.node.asked_of_systemd(), START)

    def test_an_update_restarts_nothing_and_says_what_to_restart(self):
        self.installs()
        self.node.set_image("2")
        self.node.set_configuration("logLevel: debug\n")
        self.node.set_unit("[Unit]\nDescription=x\n")
        said = self.installs()
        self.assertIn("new on the node: the configuration and the program and the unit. Restart Stockade", said)
        self.assertIn("systemctl restart stockade.service", said)
        self.assertIn("stockade 2", self.node.program.read_text())
        self.assertEqual(self.node.asked_of_systemd(), [*START, "systemctl daemon-reload"])

    def test_a_service_that_somebody_stopped_stays_stopped(self):
        self.installs()
        self.node.set_image("2")
        self.installs()
        self.assertEqual(self.node.asked_of_systemd(), START)

    def test_profiles_change_all_at_once_and_need_no_restart(self):
        self.installs()
        self.node.set_profiles({"web.yaml": "two\n"})
        said = self.installs()
        self.assertEqual(self.node.profiles(), {"web.yaml": "two\n"})
        self.assertNotIn("systemctl restart", said)
        self.node.set_profiles({"web.yaml": "three\n", "new.yaml": "new\n"})
        self.installs()
        self.assertEqual(self.node.profiles(), {"web.yaml": "three\n", "new.yaml": "new\n"})
        self.assertTrue((self.node.etc / "cluster/profiles").is_symlink())

    def test_broken_input_leaves_what_was_in_force(self):
        self.installs()
        cases = (
            ("the ConfigMap of profiles is refused", lambda: self.node.set_profiles({"web.yaml": "BROKEN\n"})),
            ("it has no files", lambda: self.node.set_profiles({})),
            ("the ConfigMap of the configuration is refused", lambda: (
                self.node.set_profiles({"web.yaml": "one\n", "base.yaml": "base\n"}),
                self.node.set_configuration("BROKEN\n"))),
        )
        for why, change in cases:
            with self.subTest(why):
                change()
                self.refuses(why)
        self.assertEqual(self.node.profiles(), {"web.yaml": "one\n", "base.yaml": "base\n"})

    def test_a_full_disk_leaves_what_was_there(self):
        self.installs()
        for folder, change in (("usr/local/sbin", lambda: self.node.set_image("2" * 100000)),
                               ("etc/stockade", lambda: self.node.set_profiles({"web.yaml": "x" * 100000}))):
            with self.subTest(folder):
                place = self.node.root / folder
                kept = {path.relative_to(place): path.read_text() for path in place.rglob("*") if path.is_file()}
                subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "full", place], check=True)
                self.addCleanup(subprocess.run, ["umount", place], check=True)
                for path, text in kept.items():
                    if "profiles" not in str(path) or "profiles.a" in str(path):
                        (place / path).parent.mkdir(parents=True, exist_ok=True)
                        Node.write(place / path, text)
                if folder == "etc/stockade":
                    (place / "cluster/profiles").symlink_to("profiles.a")
                change()
                before = {path: path.read_text() for path in place.rglob("*") if path.is_file()}
                status, said = self.node.install()
                self.assertEqual(status, 1, said)
                self.assertEqual({path: path.read_text() for path in place.rglob("*") if path.is_file()}, before)
                self.node.set_image("1")

    def test_a_kill_in_the_middle_leaves_the_old_and_the_next_run_goes_on(self):
        self.installs()
        self.node.set_image("2")
        self.node.set_profiles({"web.yaml": "two\n"})
        killer = self.node.root.parent / "killer"
        killer.mkdir()
        for program in ("sync", "mv"):
            Node.write(killer / program, "#!/bin/sh\nkill -9 $PPID\n")
            status, _ = self.node.install(PATH=f"{killer}:{os.environ['PATH']}")
            self.assertEqual(status, -signal.SIGKILL)
            self.assertIn("stockade 1", self.node.program.read_text())
            self.assertEqual(self.node.profiles(), {"web.yaml": "one\n", "base.yaml": "base\n"})
            (killer / program).unlink()
        self.installs()
        self.assertIn("stockade 2", self.node.program.read_text())
        self.assertEqual([name for name in self.node.files() if ".new" in name], [])

    def test_one_at_a_time(self):
        self.installs()
        self.node.set_image("2")
        with open(self.node.etc / ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refuses("another installation or removal has run", LOCK_SECONDS="1")
            waiting = self.node.start("install-node", "--once")
            self.assertIsNone(waiting.poll())
            self.assertIn("stockade 1", self.node.program.read_text())
        said, _ = waiting.communicate(timeout=SECONDS_MAX)
        self.assertEqual(waiting.returncode, 0, said)
        self.assertIn("stockade 2", self.node.program.read_text())

    def test_many_at_once_leave_a_whole_node(self):
        started = [self.node.start("install-node", "--once") for _ in range(5)]
        for process in started:
            said, _ = process.communicate(timeout=SECONDS_MAX)
            self.assertEqual(process.returncode, 0, said)
        self.assertEqual(self.node.asked_of_systemd(), START)
        self.assertEqual([name for name in self.node.files() if ".new" in name or "profiles.b" in name], [])


    def test_a_folder_that_cannot_be_written_is_told(self):
        (self.node.etc / ".lock").mkdir(parents=True)
        self.refuses("cannot write to /etc/stockade of the node; if a Stockade runs there, its configuration must")


class Downgrade(OnNode):
    def test_a_newer_layout_of_the_pins_is_not_left(self):
        self.node.set_image("2", layout=3)
        self.installs()
        self.node.pin("layout_2", "layout_3", "links")
        self.node.set_image("1", layout=2)
        self.refuses("this image has layout 2 of the pins, and the node's pins have layout 3")

    def test_a_newer_program_that_has_not_started_yet_is_not_replaced(self):
        self.node.set_image("2", layout=3)
        self.installs()
        self.node.pin("layout_2", "links")
        self.node.set_image("1", layout=2)
        self.refuses("this image has layout 2 of the pins, and the node's program has layout 3")

    def test_a_version_without_numbers_is_older_than_all(self):
        self.installs()
        self.node.pin("layout_1")
        self.node.set_image("0", layout=None)
        self.refuses("this image has layout 0 of the pins")

    def test_the_same_layout_and_an_older_one_on_the_node_are_served(self):
        self.installs()
        for text, layout in (("2", 2), ("3", 4)):
            self.node.pin(f"layout_{layout}")
            self.node.set_image(text, layout=layout)
            self.installs()
            self.assertIn(f"stockade {text}", self.node.program.read_text())

    def test_without_pins_the_way_back_is_free(self):
        self.node.set_image("2", layout=3)
        self.installs()
        self.node.set_image("1", layout=2)
        self.installs()
        self.assertIn("stockade 1", self.node.program.read_text())

    def test_a_program_on_the_node_that_does_not_run_is_replaced(self):
        self.installs()
        self.node.pin("layout_2")
        Node.write(self.node.program, "#!/bin/sh\nexit 1\n")
        self.installs()

    def test_a_program_that_does_not_run_on_the_node_is_not_installed(self):
        self.installs()
        Node.write(self.node.image / "usr/bin/stockade", "#!/bin/sh\nexit 1\n")
        self.refuses("does not run on the node")


class OtherInstallations(OnNode):
    def test_a_launched_plugin_is_not_disturbed(self):
        (self.node.root / "opt/nri/plugins").mkdir(parents=True)
        (self.node.root / "opt/nri/plugins/10-stockade").touch()
        self.refuses("10-stockade, and one Stockade at a time serves a node")

    def test_a_package_is_not_overwritten(self):
        for folder in ("lib/systemd/system", "usr/lib/systemd/system"):
            (self.node.root / folder).mkdir(parents=True)
            (self.node.root / folder / "stockade.service").touch()
            self.refuses("the node has Stockade from a package")
            (self.node.root / folder / "stockade.service").unlink()

    def test_a_node_without_systemd_is_refused(self):
        (self.node.root / "run/systemd/system").rmdir()
        self.refuses("is not systemd")


class Follow(OnNode):
    def test_it_follows_the_config_maps_and_its_end_changes_nothing(self):
        protected = self.node.root.parent / "protected"
        process = self.node.start("install-node", PROTECTED_FILE=str(protected))
        self.addCleanup(process.kill)
        wait_until("the installation", lambda: (self.node.etc / "cluster/started").exists())
        wait_until("the node to be protected", protected.exists)
        self.node.set_profiles({"web.yaml": "two\n"})
        wait_until("the profile", lambda: self.node.profiles() == {"web.yaml": "two\n"})
        self.node.set_configuration("logLevel: debug\n")
        wait_until("the configuration", lambda: "debug" in (self.node.etc / "stockade.yaml").read_text())
        # A program that somebody has put there by hand is not replaced.
        Node.write(self.node.program, self.node.program.read_text() + "# by hand\n")
        self.node.set_profiles({"web.yaml": "three\n"})
        wait_until("the next profile", lambda: self.node.profiles() == {"web.yaml": "three\n"})
        self.assertIn("# by hand", self.node.program.read_text())
        before = self.node.files()
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=SECONDS_MAX)
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(self.node.files(), before)
        self.assertEqual(self.node.asked_of_systemd(), START)
        self.assertIn("new on the node: the configuration. Restart Stockade", said)

    def test_a_broken_profile_ends_it_with_the_reason(self):
        process = self.node.start("install-node")
        self.addCleanup(process.kill)
        wait_until("the installation", lambda: (self.node.etc / "cluster/started").exists())
        self.node.set_profiles({"web.yaml": "BROKEN\n"})
        said, _ = process.communicate(timeout=SECONDS_MAX)
        self.assertEqual(process.returncode, 1, said)
        self.assertIn("the ConfigMap of profiles is refused", said)
        self.assertEqual(self.node.profiles(), {"web.yaml": "one\n", "base.yaml": "base\n"})


class Remove(OnNode):
    def setUp(self):
        super().setUp()
        self.installs()

    def test_everything_goes(self):
        status, said = self.node.run("remove-node")
        self.assertEqual(status, 0, said)
        self.assertIn("nothing of it is in the kernel", said)
        self.assertEqual(self.node.files(), {})
        self.assertEqual(self.node.asked_of_systemd()[len(START):],
                         ["systemctl disable --now stockade.service", "systemctl daemon-reload"])

    def test_what_stays_in_force_is_said(self):
        self.node.pin("layout_2", "links")
        status, said = self.node.run("remove-node")
        self.assertEqual(status, 0, said)
        self.assertIn("stay confined until they end", said)
        self.assertIn("rm -r /sys/fs/bpf/stockade", said)

    def test_files_of_others_stay(self):
        (self.node.etc / "profiles").mkdir()
        (self.node.etc / "profiles/own.yaml").touch()
        self.assertEqual(self.node.run("remove-node")[0], 0)
        self.assertEqual(set(self.node.files()), {"etc/stockade/profiles/own.yaml"})

    def test_a_second_time_says_that_there_is_nothing(self):
        self.node.run("remove-node")
        status, said = self.node.run("remove-node")
        self.assertEqual((status, "nothing of Stockade's" in said), (0, True))

    def test_a_closed_node_gate_is_not_left_behind(self):
        self.node.pin("layout_2")
        for gate in ("closed", "partlyClosed"):
            self.node.set_image(gate, gate=gate)
            self.installs()
            self.refuses("the node gate is closed", "remove-node")

    def test_a_gate_that_is_closed_at_boot_keeps_its_program(self):
        (self.node.root / "gate-is-enabled").touch()
        self.refuses("stockade-gate.service is enabled", "remove-node")

    def test_a_removal_that_was_cut_short_is_finished(self):
        (self.node.root / "etc/systemd/system/stockade.service").unlink()
        status, said = self.node.run("remove-node")
        self.assertEqual((status, sorted(self.node.files())), (0, []), said)

    def test_a_runtime_that_requires_stockade_keeps_it(self):
        for line in ("required_plugins = ['stockade']", '    required_plugins = ["other", "stockade"]'):
            Node.write(self.node.root / "bin/containerd", f"#!/bin/sh\ncat <<'E'\n[x]\n{line}\nE\n")
            self.refuses("containerd starts no container without Stockade", "remove-node")

    def test_a_runtime_that_requires_others_does_not(self):
        Node.write(self.node.root / "bin/containerd", "#!/bin/sh\necho \"required_plugins = ['stockades', 'x']\"\n")
        self.assertEqual(self.node.run("remove-node")[0], 0)

    def test_a_runtime_that_does_not_answer_keeps_it(self):
        Node.write(self.node.root / "bin/containerd", "#!/bin/sh\nexit 1\n")
        self.refuses("containerd config dump failed", "remove-node")


class RealProgram(OnNode):
    """What the scripts ask of stockade is what it answers."""

    def setUp(self):
        super().setUp()
        program = self.node.image / "usr/bin/stockade"
        program.unlink()
        shutil.copy(os.environ["STOCKADE"], program)
        profiles = {file.name: file.read_text() for file in (ROOT / "config/profiles").glob("*.yaml")}
        self.node.set_profiles(profiles)
        self.node.set_configuration((ROOT / "config/kubernetes/stockade.yaml").read_text().replace(
            "/etc/stockade/", f"{self.node.root}/etc/stockade/"))

    def test_it_is_installed_checks_what_comes_and_is_removed(self):
        self.installs()
        kept = self.node.profiles()
        self.assertIn("web.yaml", kept)
        self.node.set_profiles({**kept, "web.yaml": "kind: Nonsense\n"})
        self.refuses("the ConfigMap of profiles is refused")
        self.node.set_profiles(kept)
        self.node.set_configuration("bindigns: []\n")
        self.refuses('unknown key "bindigns"')
        self.node.pin("layout_999")
        self.refuses("the node's pins have layout 999")
        shutil.rmtree(self.node.pins)
        status, said = self.node.run("remove-node")
        self.assertEqual((status, sorted(self.node.files())), (0, []), said)
