"""The Debian package is upgraded and removed while containers try what is denied.

It changes the system, so its name keeps it from the other tests: `Tests/packages/life` runs it in a bare Debian, where
the package of the build before is installed.
"""

import os
import pathlib
import shutil
import subprocess

import ways
from case import PluginCase
from host import wait_until
from plugin import NAME, PINS, PLUGINS
from upgrade import Load

PROGRAM = pathlib.Path("/usr/bin/stockade")
ADOPTED = " adopted container=app "
ADOPTION_SECONDS = 30
UNCONFINES = f"To end them now, for all containers: rm -r {PINS}"


def dpkg(*words: str) -> str:
    """What dpkg and the package's scripts say."""
    answer = subprocess.run(["dpkg", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if answer.returncode:
        raise AssertionError(f"dpkg {words}: {answer.stdout}")
    return answer.stdout


class PackageCase(PluginCase):
    @classmethod
    def setUpClass(cls):
        cls.before, cls.after = os.environ["E2E_PACKAGE_BEFORE"], os.environ["E2E_PACKAGE"]
        dpkg("--install", cls.before)
        super().setUpClass()

    def restart(self) -> None:
        """As the package says, and until the new program has taken the container: it has read the profiles then."""
        before = self.plugin.messages().count(ADOPTED)
        if self.launched:
            self.restart_runtime()
        else:
            self.plugin.stop()
            self.plugin.start()
        wait_until("the container to be adopted", lambda: self.plugin.messages().count(ADOPTED) > before,
                   ADOPTION_SECONDS)

    def upgrade(self) -> None:
        """With nothing restarted by the package, and no denied program run at any time."""
        ways.make_other_cgroup(self)
        load = Load(self, is_entered=not self.launched)
        pid = self.plugin.pid
        self.assertIn("Containers stay confined meanwhile", dpkg("--install", self.after))
        self.assertEqual(self.plugin.pid, pid, "the package restarted Stockade")
        self.restart()
        running = pathlib.Path(f"/proc/{self.plugin.pid}/exe").readlink()
        self.assertEqual(running, PROGRAM, "what runs is not what the package installed")
        load.assert_held(self)
        self.container = load.container

    def assert_stays_until_it_is_ended(self) -> None:
        """Without the program: what it has put in force stays in force, and ends as the package says."""
        self.assertFalse(PROGRAM.exists())
        self.assertIn(UNCONFINES, self.said)
        self.assert_bound_to_shop(self.container)
        shutil.rmtree(PINS)
        self.assertEqual(self.container.exec("wc", "/usr/bin/script").code, 0)


class ServicePackage(PackageCase):
    launched = False

    def test_containers_stay_confined_while_the_package_is_upgraded_and_removed(self):
        self.upgrade()
        self.plugin.stop()
        self.said = dpkg("--remove", "stockade")
        self.assert_stays_until_it_is_ended()
        dpkg("--install", self.after)


class LaunchedPackage(PackageCase):
    launched = True

    def test_containers_stay_confined_while_the_package_is_upgraded_and_removed(self):
        self.upgrade()
        self.said = dpkg("--remove", "stockade")
        self.assertIn(f"removed {PLUGINS / NAME}", self.said)
        self.assertFalse((PLUGINS / NAME).is_symlink())
        self.assertIn("a Stockade still runs", self.said)
        self.runtime.stop()
        self.runtime.start()
        self.assertIsNone(self.plugin.pid)
        self.assert_stays_until_it_is_ended()
        dpkg("--install", self.after)
