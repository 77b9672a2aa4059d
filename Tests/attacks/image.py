"""The image that the attacks run in: busybox, the attack program, and files that profiles allow and deny."""

import os
import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent

# The program's exit status says what ran.
RAN, OTHER = 42, 7
# Together longer than PATH_MAX; a name as long as one may be.
DEPTH, DEEP_NAME = 17, "d" * 255
# The same program each, at places that the profiles speak of.
PROGRAMS = (
    "opt/allowed", "opt/denied", "opt/denied-folder/program", "opt/covered", "opt/covered-too", "opt/linked",
    "opt/renamed", "opt/renamed-too", "opt/written", "opt/unwritten", "app/program", "opt/unlisted",
    "other/app/program", "opt/link-target", "opt/link-folder/program", "opt/link-app/program",
    "opt/odd\x01\udcff\n name", "opt/over/" + "/".join(["long" * 25] * 6) + "/program",
)  # fmt: skip
SCRIPTS = {
    "opt/by-denied.sh": "/opt/denied",
    "opt/by-allowed.sh": "/opt/allowed",
    # Of a hook: its own program.
    "opt/by-itself.sh": "/proc/self/exe read",
    "opt/denied.sh": "/opt/allowed",
    "opt/chain-to-denied.sh": "/opt/by-denied.sh",
    "opt/chain-to-allowed.sh": "/opt/by-allowed.sh",
    "opt/chain-by-denied.sh": "/opt/denied.sh",
    "opt/by-unlisted.sh": "/opt/unlisted",
    "opt/listening.sh": "/opt/allowed option",
    "opt/listening-first.sh": "/opt/allowed",
    "opt/chain-to-listening.sh": "/opt/listening.sh option",
    # Entrypoints.
    "opt/env.sh": "/usr/bin/env /opt/unlisted",
    "opt/env-script.sh": "/usr/bin/env /opt/by-unlisted.sh",
    "opt/env-env.sh": "/usr/bin/env /opt/env.sh",
    "opt/env-volume.sh": "/usr/bin/env /vol/program",
    "opt/env-shell.sh": "/usr/bin/env /bin/sh\n/opt/unlisted",
}
# Links of the image, and what they say. The profiles name them, and never what they lead to.
LINKS = {
    "opt/link": "link-target",
    "links/folder": "/opt/link-folder",
    "links/app": "../opt/link-app",
    "links/vol": "/vol",
    "links/data": "../data/link-data",
}
READABLE = (
    "data/link-data/key", "data/secret/key", "data/secret/open", "data/plain/key",
    *(f"data/{folder}/{name}" for folder in ("fixed", "loose")
      for name in ("file", "linked", "moved", "exchanged", "unlinked")),
    *(f"data/spare/{verb}-{folder}" for verb in ("to", "for") for folder in ("fixed", "loose")),
)  # fmt: skip
FOLDERS = ("dev", "etc", "proc", "sys", "tmp", "new", "vol", "opt/empty", "root", "var",
           "data/fixed/empty", "data/loose/empty")  # fmt: skip


def compile_c(target, *sources, options=()):
    target.parent.mkdir(parents=True, exist_ok=True)
    command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", *options, "-o", target, *sources]
    subprocess.run(command, check=True)


def put_busybox(root):
    busybox = shutil.which("busybox")
    (root / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(busybox, root / "bin/busybox")
    for applet in ("sh", "sleep", "touch", "true", "cat"):
        os.link(root / "bin/busybox", root / "bin" / applet)
    (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    for applet in ("wget", "env"):
        os.link(root / "bin/busybox", root / "usr/bin" / applet)


def put_deep(program, folder):
    """A program whose path is longer than any system call takes: each of the folders holds the next."""
    inner = os.open(folder, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir(DEEP_NAME, dir_fd=inner)
        outer, inner = inner, os.open(DEEP_NAME, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    shutil.copy(program, f"/proc/self/fd/{inner}/program")
    os.close(inner)


def put_libraries(root, program):
    listing = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for path in re.findall(r"(/\S+)", listing):
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / path[1:])


def build(root):
    """Makes the tree anew in `root`."""
    shutil.rmtree(root, ignore_errors=True)
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    put_busybox(root)
    attack_sources = sorted((HERE / "program").glob("*.c"))
    compile_c(root / "bin/attack", *attack_sources, options=["-static", "-pthread"])
    ran = HERE / "image/ran.c"
    compile_c(root / "opt/allowed", ran, options=["-static", f"-DSTATUS={RAN}"])
    compile_c(root / "opt/others", ran, options=["-static", f"-DSTATUS={OTHER}"])
    compile_c(root / "opt/arguments", ran, options=["-static", "-DLISTEN"])
    for name in ("opt/tiny", "opt/tiny-denied"):
        compile_c(root / name, HERE / "image/tiny.c", options=["-static", "-nostdlib"])
    for name in PROGRAMS[1:]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "opt/allowed", root / name)
    put_deep(root / "opt/allowed", root / "opt/over")
    for name in ("opt/setuid-allowed", "opt/setuid-denied"):
        shutil.copy(root / "opt/allowed", root / name)
        (root / name).chmod(0o4755)
    for name, interpreter in SCRIPTS.items():
        (root / name).write_text(f"#!{interpreter}\n", encoding="ascii")
        (root / name).chmod(0o755)
    compile_c(root / "opt/dynamic", HERE / "image/dynamic.c")
    compile_c(root / "opt/library.so", HERE / "image/library.c", options=["-shared", "-fPIC"])
    for name in ("opt/dynamic-denied", "opt/dynamic-arguments"):
        shutil.copy(root / "opt/dynamic", root / name)
    put_libraries(root, root / "opt/dynamic")
    for name in READABLE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("content\n", encoding="ascii")
    for name, target in LINKS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:::\n", encoding="ascii")
    (root / "etc/group").write_text("root:x:0:\n", encoding="ascii")


def fill_volume(folder):
    """What is bound at /vol: a tree whose folders can be renamed, and one that poses as a volume of the kubelet's."""
    for name in ("tree/inner/file", "other-tree/inner/file", "loose-tree/inner/file", "spare/file", "twice/key",
                 "forged/token", "forged/..2026_01_31_09_30_00.123456/token"):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("content\n", encoding="ascii")
