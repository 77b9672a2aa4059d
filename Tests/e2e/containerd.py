"""A containerd of the tests' own: unpacked by hack/fetch-containerd, in folders of its own, driven over the CRI."""

import os
import pathlib
import signal
import subprocess

import cri
import host
import image
from host import SCRATCH, wait_until

START_SECONDS = 30
STOP_SECONDS = 20

# How people switch NRI on: the files of config/runtimes. NRI has its default places, which `host.enter` made private:
# /run/nri/nri.sock, /opt/nri/plugins, /etc/nri/conf.d.
RUNTIMES = pathlib.Path(__file__).resolve().parent.parent.parent / "config/runtimes"
NRI_TABLE = '[plugins."io.containerd.nri.v1.nri"]\n'
# Where everything is slow, also what is in time: containerd waits 5 and 2 seconds unless it is told otherwise.
SLOW_NRI = """
  plugin_registration_timeout = "120s"
  plugin_request_timeout = "60s"
"""
# No CAP_SYS_RESOURCE and no AppArmor are asked of the machine.
CONFIG_2 = """
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{image}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_apparmor = true
"""
CONFIG_1 = """
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
"""
PLACES = """
root = "{folder}/root"
state = "{folder}/state"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
"""


class Containerd:
    """One containerd. `start` after `stop` or `kill` is the restart of the same one: containers live on."""

    def __init__(self, package: pathlib.Path, archive: pathlib.Path):
        self.package = package
        self.archive = archive
        self.version = (package / "version").read_text().strip()
        # Whether no plugin may connect by itself.
        self.refuses_connections = False
        # Whether it is told to refuse containers while the plugin is away; only with `has_validation`.
        self.requires_plugin = False
        self.folder = SCRATCH / "containerd"
        self.log = SCRATCH / "containerd.log"
        self.process: subprocess.Popen | None = None
        self.cri: cri.Client | None = None

    @property
    def release(self) -> tuple[int, int]:
        major, minor = (int(part) for part in self.version.split(".")[:2])
        return major, minor

    @property
    def has_seccomp_adjustment(self) -> bool:
        """Whether NRI of this version takes a seccomp policy from a plugin."""
        return self.release >= (2, 2)

    @property
    def takes_errno(self) -> bool:
        """Whether the policy may say an errno, as RuntimeDefault does: from NRI 0.12 on."""
        return self.release >= (2, 3)

    @property
    def has_validation(self) -> bool:
        """Whether NRI of this version asks plugins what they think of a container, and can require plugins."""
        return self.release >= (2, 2)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.package}/usr/bin:{os.environ['PATH']}:/usr/sbin:/sbin"}

    def _nri_settings(self) -> tuple[str, str]:
        """The first line that is no comment, and the rest."""
        name = "1.7" if self.release < (2, 0) else "2.2" if self.requires_plugin else "2.0"
        text = (RUNTIMES / f"containerd-{name}.toml").read_text()
        assert NRI_TABLE in text
        lines = [line for line in text.splitlines(keepends=True) if not line.startswith("#")]
        return lines[0], "".join(lines[1:])

    def _write_config(self) -> pathlib.Path:
        self.folder.mkdir(exist_ok=True)
        config = self.folder / "config.toml"
        rest = CONFIG_1 if self.version.startswith("1.") else CONFIG_2
        extra = ("  disable_connections = true\n" if self.refuses_connections else "")
        extra += SLOW_NRI if host.patience > 1 else ""
        version, nri = self._nri_settings()
        text = "\n".join([version, PLACES, rest, nri.replace(NRI_TABLE, NRI_TABLE + extra, 1)])
        config.write_text(text.format(folder=self.folder, image=image.NAME))
        return config

    def start(self) -> None:
        config = self._write_config()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.package / "usr/bin/containerd", "--config", config, "--log-level", "debug"],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        self.cri = cri.Client(str(self.folder / "containerd.sock"))
        wait_until(f"containerd {self.version} to answer (see {self.log})", self._answers, START_SECONDS)
        if image.NAME not in self.cri.images():
            self._import_image()

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"containerd {self.version} ended with {self.process.returncode}:\n{self.log_tail()}")
        try:
            self.cri.version()
            self.cri.images()
            return True
        except cri.Refused:
            return False

    def _import_image(self) -> None:
        command = [self.package / "usr/bin/ctr", "--address", self.folder / "containerd.sock", "--namespace", "k8s.io"]
        subprocess.run([*command, "images", "import", self.archive], check=True, capture_output=True,
                       env=self.environment)
        # The CRI learns of it from an event.
        wait_until("the image to be known", lambda: image.NAME in self.cri.images())

    def stop(self) -> None:
        """As a service manager stops it: containers and their shims go on."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.cri.close()
        self.process.send_signal(how)
        self.process.wait(STOP_SECONDS * host.patience)
        self.process = None

    def remove_all(self) -> None:
        """Takes away every pod and container, and says first what went wrong."""
        problems = []
        for pod in self.cri.pods():
            for step in (self.cri.stop_pod, self.cri.remove_pod):
                try:
                    step(pod)
                except cri.Refused as refusal:
                    problems.append(str(refusal))
        if problems:
            raise RuntimeError("; ".join(problems))

    def log_tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
