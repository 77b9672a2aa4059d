"""The plugin under test, as an administrator installs it: its places, flags and configuration are named here only."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import host
from containerd import Containerd
from host import SCRATCH, wait_until
from system_log import Syslog

NAME = "10-stockade"
PLUGINS = pathlib.Path("/opt/nri/plugins")
LAUNCHED_CONFIG = pathlib.Path("/etc/nri/conf.d") / f"{NAME}.conf"
EXTERNAL_CONFIG = pathlib.Path("/etc/stockade/stockade.yaml")
PROFILES = pathlib.Path("/etc/stockade/profiles")
PINS = host.BPF_FILES / "stockade"
EVENTS = SCRATCH / "events.log"

START_SECONDS = 15
STOP_SECONDS = 10

# What a launched plugin starts beside it, and what that starts in its place.
KEEPER = "stockade keeper "
KEPT = "stockade kept "

RUN_COMMAND = ["run", "--config", str(EXTERNAL_CONFIG)]
# What the project ships, for nodes like this one among others.
SHIPPED_PROFILES = pathlib.Path(__file__).parents[2] / "config" / "profiles"
# Pods of this namespace get a profile whatever their annotations say.
LOCKED_NAMESPACE = "locked"
CONFIG = f"""
profilesFolder: {PROFILES}
eventsFile: {EVENTS}
logLevel: debug
bindings:
- {{name: locked, namespaces: [{LOCKED_NAMESPACE}], profile: no-id, required: true}}
"""


def pids(*commands: str) -> list[int]:
    """Of living processes whose command line begins with one of those. Of ours alone, by the mount namespace: the
    machine may have others, and what is found here is signalled."""
    found = [pid for pid in host.all_pids() if host.command_of(pid).startswith(commands)]
    return [pid for pid in found if host.is_ours(pid) and not host.is_zombie(pid)]


class Plugin:
    """Installed for one containerd: launched by it, or external. Both survive a restart of containerd."""

    def __init__(self, runtime: Containerd, launched: bool):
        self.runtime, self.launched = runtime, launched
        self.binary = pathlib.Path(os.environ["E2E_PLUGIN"])
        self.log = SCRATCH / "plugin.log"
        self.process: subprocess.Popen | None = None
        self.syslog: Syslog | None = None
        # Where an external one writes, instead of its log.
        self.streams: int | None = None
        # The log goes on from one containerd of the tests to the next.
        self.earlier_registrations = 0
        self.earlier_registrations = self.registrations

    # ---- installing ----

    def install(self, profiles: dict[str, str]) -> None:
        """Lays out configuration and profiles; for a launched plugin before containerd starts."""
        place = LAUNCHED_CONFIG if self.launched else EXTERNAL_CONFIG
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(CONFIG)
        shutil.copytree(SHIPPED_PROFILES, PROFILES, dirs_exist_ok=True)  # a package may have brought them
        for name, text in profiles.items():
            (PROFILES / f"{name}.yaml").write_text(text)
        if self.launched:
            PLUGINS.mkdir(parents=True, exist_ok=True)
            (PLUGINS / NAME).symlink_to(self.binary)
            self.syslog = Syslog(self.log)

    def uninstall(self) -> None:
        """Once containerd is stopped."""
        if self.launched:
            wait_until("the launched plugin to end with containerd", lambda: not self._launched_pids(), STOP_SECONDS)
            wait_until("its keeper to end with containerd", lambda: not pids(KEEPER, KEPT), STOP_SECONDS)
        if self.syslog:
            self.syslog.close()
        for folder in (LAUNCHED_CONFIG.parent, EXTERNAL_CONFIG.parent, PLUGINS):
            shutil.rmtree(folder, ignore_errors=True)
        EVENTS.unlink(missing_ok=True)
        # NRI 0.6 never tells a plugin that it launched what runs, so pins can outlive it: removed as the README says.
        if self.launched and self.runtime.version.startswith("1."):
            shutil.rmtree(PINS, ignore_errors=True)

    # ---- running ----

    @property
    def pid(self) -> int | None:
        """The running plugin's pid, whoever started it."""
        if not self.launched:
            return self.process.pid if self.process and self.process.poll() is None else None
        return next(iter(self._launched_pids() + pids(KEPT)), None)

    @staticmethod
    def _launched_pids() -> list[int]:
        """Also of those that containerd left behind."""
        return pids(str(PLUGINS))

    @property
    def keeper(self) -> int | None:
        return next(iter(pids(KEEPER)), None)

    def start(self, *, is_told: bool = True) -> None:
        """Starts an external plugin and waits until the runtime has told it what runs, if it can."""
        before = self.registrations
        self.launch()
        if is_told:
            self.wait_for_registration(before)

    def launch(self) -> None:
        """Starts an external plugin."""
        with self.log.open("ab") as log:
            streams = log if self.streams is None else self.streams
            self.process = subprocess.Popen([self.binary, *RUN_COMMAND], stdin=subprocess.DEVNULL, stdout=streams,
                                            stderr=streams)

    @property
    def registrations(self) -> int:
        """How often the runtime took this plugin in: it told it what runs."""
        text = self.runtime.log.read_text(errors="replace") if self.runtime.log.exists() else ""
        # Launched ones are listed when all of them were told; what their keeper starts connects by itself.
        said = r"#\d+: .*stockade.* \(pre-connected|plugin .*stockade.* connected"
        return len(re.findall(said, text)) - self.earlier_registrations

    def wait_for_registration(self, before: int) -> None:
        wait_until(f"the plugin to register (see {self.log})", lambda: self.registrations > before, START_SECONDS)

    def kill(self) -> None:
        """As by the kernel when memory is short: nothing of its own is tidied up. A launched one stays away, since its
        keeper is ended first."""
        pid = self.pid
        if keeper := self.keeper:
            os.kill(keeper, signal.SIGTERM)
            wait_until("the keeper to end", lambda: host.is_zombie(keeper))
        if host.is_zombie(pid):
            return  # the keeper ended what it had started
        os.kill(pid, signal.SIGKILL)
        if self.process:
            self.process.wait(STOP_SECONDS * host.patience)
            self.process = None
        wait_until("the plugin to end", lambda: host.is_zombie(pid))

    def stop(self) -> None:
        """As a service manager stops an external plugin."""
        if self.process:
            self.process.terminate()
            self.process.wait(STOP_SECONDS * host.patience)
            self.process = None

    # ---- what it shows ----

    def messages(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def events(self) -> list[dict]:
        lines = EVENTS.read_text().splitlines() if EVENTS.exists() else []
        return [json.loads(line) for line in lines]
