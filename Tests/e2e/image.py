#!/usr/bin/python3
"""The one image of the tests: busybox, a few of its programs as files of their own, and `probe`.

    Tests/e2e/image.py ARCHIVE    writes it, for a machine that has no compiler: `run --image ARCHIVE`
"""

import hashlib
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

NAME = "stockade.test/box:1"
BUSYBOX = pathlib.Path("/bin/busybox")
PROBE_SOURCE = pathlib.Path(__file__).with_name("probe.c")
# Files of their own, since a link to busybox is busybox to the kernel: rules can name them.
PROGRAMS = ("usr/bin/id", "usr/bin/wc", "usr/bin/nsenter", "opt/tools/date", "opt/tools/deep/cal")
LINKS = ("sh", "cat", "cp", "ln", "mkdir", "grep")
FOLDERS = ("tmp", "etc", "proc", "sys", "dev", "volume", "cgroup")


def build_root(folder: pathlib.Path) -> None:
    """Lays out the image's file system in `folder`."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    for name in ("bin/busybox", *PROGRAMS):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(BUSYBOX, folder / name)
    for name in LINKS:
        (folder / "bin" / name).symlink_to("busybox")
    (folder / "usr/bin/script").write_text("#!/bin/sh\necho script ran\n")
    (folder / "usr/bin/script").chmod(0o755)
    (folder / "etc/secret").write_text("the secret\n")
    (folder / "etc/greeting").write_text("hello\n")
    (folder / "tmp").chmod(0o1777)
    compile_probe(folder / "usr/bin/probe")


def compile_probe(target: pathlib.Path) -> None:
    subprocess.run(["cc", "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o", target, PROBE_SOURCE], check=True)


def write_archive(archive: pathlib.Path, work: pathlib.Path) -> None:
    """Writes the image as a `docker save` archive, which `ctr images import` takes."""
    root = work / "root"
    build_root(root)
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(root, arcname=".")
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = {
        "architecture": architecture(),
        "os": "linux",
        # As a pod's sandbox it is only there to be in the namespaces.
        "config": {"Entrypoint": ["/usr/bin/probe", "sleep"], "Env": ["PATH=/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as tar:
        add(tar, "config.json", json.dumps(config).encode())
        add(tar, "layer.tar", layer.getvalue())
        add(tar, "manifest.json", json.dumps(manifest).encode())


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def architecture() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as work:
        write_archive(pathlib.Path(sys.argv[1]), pathlib.Path(work))
    return 0


if __name__ == "__main__":
    sys.exit(main())
