#!/usr/bin/python3
"""Compares packaging/libraries.toml with what the linker used.

    linked.py MAP             fails unless gold's map names exactly what the list has, beside Stockade's own objects
"""

import fnmatch
import os
import pathlib
import re
import sys

from libraries import LIST, ROOT, WrongList, load

# What gcc and glibc add to each program, under exceptions that ask for nothing: start-up code and helpers.
COMPILER = re.compile(r"/(Scrt1|crti|crtn|crtbeginS|crtendS)\.o$|/(libgcc|libc_nonshared)\.a$")
OWN = re.compile(r"/\.?build[^/]*/.*/(?P<module>[A-Za-z]+)\.build/.*\.o$")


def used_by_linker(map_file: pathlib.Path) -> set[str]:
    """The objects and archives of which something came into the program, by gold's map."""
    lines = map_file.read_text().splitlines()
    archives = {line.partition("(")[0] for line in lines if re.match(r"/\S+\.a\(\S+\)$", line)}
    objects = {words[-1] for words in map(str.split, lines) if words and re.match(r"/\S+\.o$", words[-1])}
    return archives | objects


def own_modules() -> set[str]:
    return {path.name for path in (ROOT / "Sources").iterdir()} | {"CStockade"}


def is_own(used: str, modules: set[str]) -> bool:
    found = OWN.search(used)
    return bool(found) and found["module"] in modules


def check(map_file: pathlib.Path) -> None:
    used, modules, libraries = used_by_linker(map_file), own_modules(), load()
    # gold leaves out `..` of no path.
    used = {os.path.normpath(path) for path in used}
    others = {path for path in used if not is_own(path, modules) and not COMPILER.search(path)}
    unknown = sorted(path for path in others if not any(library.has(path) for library in libraries))
    if unknown:
        raise WrongList(f"the binary has something that {LIST} has not: {', '.join(unknown)}")
    idle = [f"{library.name} ({name})" for library in libraries for name in library.archives
            if not any(fnmatch.fnmatchcase(path, f"*/{name}") for path in others)]
    if idle:
        raise WrongList(f"{LIST} has something that is not in the binary: {', '.join(idle)}")
    if not any(is_own(path, modules) for path in used):
        raise WrongList(f"{map_file} names no object of Stockade's own: is it a map of gold's?")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        check(pathlib.Path(sys.argv[1]))
    except (WrongList, OSError) as error:
        sys.exit(f"linked.py: {error}")
