"""Where the containers come from: the program, the images, the profiles, and a folder for it all."""

import dataclasses
import functools
import json
import pathlib
import subprocess

import document

HERE = pathlib.Path(__file__).resolve().parent
# Until a container answers, and until it ends.
LIMIT_SECONDS = 30


@dataclasses.dataclass
class Machine:
    stockade: pathlib.Path
    folder: pathlib.Path
    logs: pathlib.Path
    root: pathlib.Path
    slowness: int
    images: dict[str, pathlib.Path] = dataclasses.field(default_factory=dict)

    @property
    def limit_seconds(self) -> int:
        return LIMIT_SECONDS * self.slowness

    @property
    def gpu(self) -> pathlib.Path:
        return self.folder / "gpu"

    def prepare(self) -> None:
        self.gpu.mkdir()
        library = self.gpu / "libstockade-gpu.so.1"
        options = ["-shared", "-fPIC", "-nostdlib", f"-Wl,-soname,{library.name}"]
        subprocess.run(["cc", *options, "-o", library, HERE / "gpu.c"], check=True)
        for layer in (*(HERE / "images").iterdir(), self.compiled_java()):
            self.images[layer.name] = self.stack(layer)

    def stack(self, layer: pathlib.Path) -> pathlib.Path:
        """An image: its own layer upon the packages. The mount goes with this process's namespace."""
        image = self.folder / "images" / layer.name
        image.mkdir(parents=True)
        command = ["mount", "-t", "overlay", "-o", f"lowerdir={layer}:{self.root}", "image", image]
        subprocess.run(command, check=True)
        return image

    def unmount(self) -> None:
        for image in self.images.values():
            subprocess.run(["umount", image], check=True)

    def compiled_java(self) -> pathlib.Path:
        layer = self.folder / "java"
        (layer / "app").mkdir(parents=True)
        command = [
            self.stockade, "try", "--profile", document.SHIPPED / "base.yaml", "--rootfs", self.root,
            "--mount", f"{layer}/app:/app", "--mount", f"{HERE}/java:/java:ro",
            "--", "/usr/bin/java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-d", "/app", "/java/Server.java",
        ]  # fmt: skip
        subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
        return layer

    def doctor(self) -> list[str]:
        """What `doctor` says, line by line."""
        done = subprocess.run([self.stockade, "doctor"], stdout=subprocess.PIPE, text=True, check=False)
        return [line for line in done.stdout.splitlines() if len(line.split()) > 1]

    @functools.cached_property
    def tier(self) -> str:
        """What this machine has at best, says `doctor`."""
        done = subprocess.run([self.stockade, "doctor", "-o", "json"], stdout=subprocess.PIPE, check=False)
        found = {finding["subject"]: finding["found"] for finding in json.loads(done.stdout)}
        return found["tier"].partition(",")[0]
