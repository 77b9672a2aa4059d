"""A folder that stands for a node, with what the scripts of config/kubernetes/node ask of it."""

import os
import pathlib
import subprocess

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / "config/kubernetes/node"
SECONDS_MAX = 60

# In the place of nsenter: paths of the node lead into the folder, and systemctl is written down.
ON_NODE = """#!/bin/sh
if [ "$1" = systemctl ]; then
  case $2 in
    is-enabled) [ -e %(root)s/gate-is-enabled ]; exit ;;
    disable) [ -e %(root)s/etc/systemd/system/stockade.service ] || exit 1 ;;
  esac
  echo "$*" >>%(root)s/systemctl
  [ "$2" != is-active ] || exit 3
  exit 0
fi
for word; do
  shift
  set -- "$@" "$(echo "$word" |
    sed -E 's#(^|[ ])(/usr/local|/usr/lib/systemd|/lib/systemd|/etc|/run|/opt|/sys/fs)/#\\1%(root)s\\2/#g')"
done
PATH=%(root)s/bin:$PATH exec "$@"
"""

# A stockade of some layout. What has the word BROKEN is no profile and no configuration.
STOCKADE = """#!/bin/sh
# %(text)s
case $1 in
  version) echo "stockade %(text)s"; %(layout)s ;;
  profile) for last; do :; done; ! grep BROKEN "$last"/* ;;
  config) ! grep BROKEN "$3" ;;
  gate) echo '{"nodeGate":"%(gate)s"}' ;;
esac
"""


class Node:
    def __init__(self, folder: pathlib.Path):
        self.root, self.image, self.config = (folder / name for name in ("node", "image", "config"))
        for path in ("usr/local/sbin", "etc/systemd/system", "run/systemd/system", "bin"):
            (self.root / path).mkdir(parents=True)
        self.program = self.root / "usr/local/sbin/stockade"
        self.etc = self.root / "etc/stockade"
        self.pins = self.root / "sys/fs/bpf/stockade"
        self.write(self.root / "on-node", ON_NODE % {"root": self.root})
        self.write(self.root / "bin/systemd-run", "#!/bin/sh\nexit 0\n")
        (self.image / "usr/bin").mkdir(parents=True)
        (self.image / "usr/lib/stockade/units").mkdir(parents=True)
        self.set_unit("[Unit]\n")
        self.set_image("1")
        (self.config / "profiles").mkdir(parents=True)
        (self.config / "node").mkdir()
        self.generation = 0
        self.set_profiles({"web.yaml": "one\n", "base.yaml": "base\n"})
        self.set_configuration("logLevel: info\n")

    @staticmethod
    def write(path: pathlib.Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def set_image(self, text: str, layout: int | None = 2, gate: str = "open") -> None:
        line = ":" if layout is None else f'echo "layout of the pins: {layout}"'
        self.write(self.image / "usr/bin/stockade", STOCKADE % {"text": text, "layout": line, "gate": gate})

    def set_unit(self, text: str) -> None:
        (self.image / "usr/lib/stockade/units/stockade.service").write_text(text)

    def set_profiles(self, files: dict[str, str]) -> None:
        """As the kubelet does it: a new folder, and then one rename."""
        self.generation += 1
        volume = self.config / "profiles"
        folder = volume / f"..{self.generation}"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
            if not (volume / name).is_symlink():
                (volume / name).symlink_to(f"..data/{name}")
        (volume / "..new").symlink_to(folder.name)
        (volume / "..new").rename(volume / "..data")

    def set_configuration(self, text: str) -> None:
        (self.config / "node/stockade.yaml").write_text(text)

    def pin(self, *names: str) -> None:
        for name in names:
            (self.pins / name).mkdir(parents=True)

    def environment(self, **more: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "NODE_ROOT": str(self.root), "IMAGE_ROOT": str(self.image),
                "CONFIG_ROOT": str(self.config), "ON_NODE": str(self.root / "on-node"), "POLL_SECONDS": "0.1", **more}

    def start(self, script: str, *arguments: str, **more: str) -> subprocess.Popen:
        return subprocess.Popen([SCRIPTS / script, *arguments], env=self.environment(**more), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, script: str, *arguments: str, **more: str) -> tuple[int, str]:
        process = self.start(script, *arguments, **more)
        said, _ = process.communicate(timeout=SECONDS_MAX)
        return process.returncode, said

    def install(self, **more: str) -> tuple[int, str]:
        return self.run("install-node", "--once", **more)

    def files(self) -> dict[str, bytes]:
        """What is on the node for somebody who looks: each file, with links followed."""
        found = {}
        for folder, _, names in os.walk(self.root, followlinks=False):
            for name in names:
                path = pathlib.Path(folder, name)
                if path.name not in ("on-node", "systemctl", "systemd-run", ".lock", "gate-is-enabled"):
                    found[str(path.relative_to(self.root))] = path.read_bytes()
        return found

    def profiles(self) -> dict[str, str]:
        return {file.name: file.read_text() for file in (self.etc / "cluster/profiles/").glob("*")}

    def asked_of_systemd(self) -> list[str]:
        log = self.root / "systemctl"
        return log.read_text().splitlines() if log.exists() else []
