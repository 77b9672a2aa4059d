#!/usr/bin/python3
"""Makes the folder with which anybody links `stockade` anew, with a changed library (packaging/relink does it there).

    kit.py BINARY MAP FOLDER

Links once more by the command that built the program, fails unless that gives BINARY, and leaves gold's map in MAP.
"""

import filecmp
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from libraries import ROOT, WrongList, build_folder

RELINK = ROOT / "packaging/relink"
# What stands for the folder of the compiler's own files, which has another name on another Debian.
GCC_FOLDER = "@GCC@"
TAKES_VALUE = {"-o", "-m", "-dynamic-linker", "--defsym", "-z", "-Map"}


def link_command() -> list[str]:
    """The one by which Swift's package manager linked the program."""
    program = next(build_folder().glob("*/release/stockade"), None)
    manifest = build_folder() / "release.yaml"
    if program is None or not manifest.exists():
        raise WrongList(f"no release build is in {build_folder()}: run hack/build")
    for line in manifest.read_text().splitlines():
        if line.startswith("    args: ") and "-emit-executable" in line:
            arguments = json.loads(line.removeprefix("    args: "))
            if arguments[arguments.index("-o") + 1] == str(program):
                return arguments
    raise WrongList(f"{manifest} has no command that links {program}")


def linker_arguments(map_file: pathlib.Path, output: pathlib.Path) -> list[str]:
    """What gold itself is called with, once it has linked into `output`."""
    command = link_command()
    command[command.index("-o") + 1] = str(output)
    answer = subprocess.run([*command, "-v", "-Xlinker", f"-Map={map_file}"], capture_output=True, text=True,
                            cwd=ROOT, check=False)
    said = answer.stdout + answer.stderr
    if answer.returncode:
        raise WrongList(f"cannot link anew: {said[-2000:]}")
    for line in said.splitlines():
        if re.match(r' *"[^"]*/ld\.gold" ', line):
            return shlex.split(line)[1:]
    raise WrongList(f"the program was not linked by gold: {said[-2000:]}")


def is_of_system(path: pathlib.Path) -> bool:
    return str(path).startswith(("/lib", "/usr/lib"))


class Kit:
    """The folder, and the linker's arguments as they are there."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.searched, self.arguments = folder, [], []
        self.names: dict[pathlib.Path, str] = {}
        (folder / "inputs").mkdir(parents=True)

    def input(self, path: pathlib.Path) -> str:
        """Copies a file once; returns its name in the folder. Archives keep their names, by which they are replaced."""
        if path not in self.names:
            name = path.name if path.suffix == ".a" else f"{path.parent.name}.{path.name}"
            if (self.folder / "inputs" / name).exists():
                name = f"{len(self.names)}.{name}"
            shutil.copyfile(path, self.folder / "inputs" / name)
            self.names[path] = f"inputs/{name}"
        return self.names[path]

    def library(self, name: str) -> str:
        """`-lNAME`. An archive that is named, or the toolchain's, is copied. The machine that links has the others."""
        file = name.removeprefix(":") if name.startswith(":") else f"lib{name}.a"
        found = next((folder / file for folder in self.searched if (folder / file).exists()), None)
        if found and (name.startswith(":") or not is_of_system(found)):
            return self.input(found)
        return f"-l{name}"

    def add(self, word: str, gcc: str) -> None:
        path = pathlib.Path(word)
        if word.startswith("-L"):
            folder = pathlib.Path(word[2:])
            self.searched.append(folder)
            if is_of_system(folder):
                self.arguments.append("-L" + str(folder).replace(gcc, GCC_FOLDER))
        elif word.startswith("-l"):
            self.arguments.append(self.library(word[2:]))
        elif word.startswith("--version-script="):
            shutil.copyfile(word.partition("=")[2], self.folder / "no-exports.map")
            self.arguments.append("--version-script=no-exports.map")
        elif word.startswith("-Map"):
            pass
        elif word.startswith(gcc + "/"):
            self.arguments.append(word.replace(gcc, GCC_FOLDER))
        elif path.suffix in (".o", ".a") and not is_of_system(path):
            self.arguments.append(self.input(path))
        else:
            self.arguments.append(word)


def make(binary: pathlib.Path, map_file: pathlib.Path, folder: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        linked = pathlib.Path(scratch) / "stockade"
        words = linker_arguments(map_file, linked)
        subprocess.run(["strip", "--strip-all", linked], check=True)
        if not filecmp.cmp(linked, binary, shallow=False):
            raise WrongList(f"linking anew does not give {binary}: was it built from another tree?")
    crt = next(word for word in words if word.endswith("/crtbeginS.o"))
    kit = Kit(folder)
    at = iter(words)
    for word in at:
        if word == "-o":
            next(at)  # the script names the output
        elif word in TAKES_VALUE:
            kit.arguments += [word, next(at)]
        else:
            kit.add(word, str(pathlib.Path(crt).parent))
    (folder / "link.args").write_text("\n".join(kit.arguments) + "\n")
    shutil.copy(RELINK, folder / "relink")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        make(*map(pathlib.Path, sys.argv[1:]))
    except (WrongList, OSError) as error:
        sys.exit(f"kit.py: {error}")
