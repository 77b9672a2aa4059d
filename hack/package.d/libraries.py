#!/usr/bin/python3
"""The libraries of packaging/libraries.toml, and their versions on this machine.

    libraries.py sources    prints the Debian source packages whose licences ask for their source, as NAME=VERSION
"""

import dataclasses
import fnmatch
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIST = ROOT / "packaging/libraries.toml"


class WrongList(Exception):
    """What is wrong with the list, or differs from it."""


@dataclasses.dataclass(frozen=True)
class Library:
    name: str
    licence: str
    copyright: list[str]
    home: str
    archives: list[str]
    taken: str = ""
    package: str = ""
    checkout: str = ""
    toolchain: bool = False
    sources: bool = False

    def has(self, used: str) -> bool:
        """Whether this path of the linker's is one of it."""
        return any(fnmatch.fnmatchcase(used, f"*/{pattern}") for pattern in self.archives)

    @property
    def version(self) -> str:
        if self.package:
            return package_field(self.package, "Version")
        return checkout_version(self.checkout) if self.checkout else toolchain_version()


def load() -> list[Library]:
    entries = tomllib.loads(LIST.read_text())["library"]
    try:
        return [Library(**entry) for entry in entries]
    except TypeError as error:
        raise WrongList(f"{LIST}: {error}") from error


# ---- versions ----

def package_field(package: str, field: str) -> str:
    """Of a Debian package of this machine."""
    answer = subprocess.run(["dpkg-query", "--show", f"--showformat=${{{field}}}", package], capture_output=True,
                            text=True, check=False)
    if answer.returncode or not answer.stdout:
        raise WrongList(f"the Debian package {package} is not installed: run hack/install-dependencies --package")
    return answer.stdout


def build_folder() -> pathlib.Path:
    """Swift's, where this checkout is built."""
    return pathlib.Path(os.environ.get("SWIFTPM_BUILD_DIR", ROOT / ".build"))


def toolchain_folder() -> pathlib.Path:
    """The `usr` of the Swift toolchain."""
    answer = subprocess.run(["swift", "-print-target-info"], capture_output=True, text=True, check=True).stdout
    return pathlib.Path(json.loads(answer)["paths"]["runtimeResourcePath"]).parents[1]


def checkout_version(name: str) -> str:
    """Of a Swift package."""
    resolved = json.loads((ROOT / "Package.resolved").read_text())
    return next(pin["state"]["version"] for pin in resolved["pins"] if pin["identity"] == name)


def toolchain_version() -> str:
    answer = subprocess.run(["swift", "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"Swift version (\S+)", answer).group(1)


def sources() -> str:
    names = {(package_field(library.package, "source:Package"), package_field(library.package, "source:Version"))
             for library in load() if library.sources}
    return "".join(f"{name}={version}\n" for name, version in sorted(names))


if __name__ == "__main__":
    if sys.argv[1:] != ["sources"]:
        sys.exit(__doc__)
    print(sources(), end="")
