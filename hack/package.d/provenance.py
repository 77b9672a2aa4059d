#!/usr/bin/python3
"""Prints how the packages were made, as an in-toto statement with SLSA's provenance (version 1).

    provenance.py VERSION SOURCES FILE...    SOURCES is the archive of the sources; FILE is what was made

The statement is not signed: hack/sign-provenance does that. It has no time of the run, so that the same sources give
the same statement.
"""

import hashlib
import json
import pathlib
import subprocess
import sys

from libraries import ROOT, load

BUILD_TYPE = "https://stockade.dev/build/hack-package/v1"


def digest(path: pathlib.Path) -> dict[str, str]:
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True).stdout.strip()


def commit() -> list[dict]:
    """The commit, if the sources are exactly those of one."""
    if git("status", "--porcelain"):
        return []
    return [{"name": "commit", "digest": {"gitCommit": git("rev-parse", "HEAD")}}]


def built_with() -> list[dict]:
    """Of each library the version that was linked. Their licences and sources are in the SBOM."""
    found = []
    for library in load():
        origin = f"debian:{library.package}" if library.package else library.home
        found.append({"name": library.name, "annotations": {"origin": origin, "version": library.version}})
    return found


def statement(version: str, sources: pathlib.Path, files: list[pathlib.Path]) -> dict:
    dependencies = [{"name": sources.name, "digest": digest(sources)}, *commit(), *built_with()]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": file.name, "digest": digest(file)} for file in sorted(files)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE, "externalParameters": {"version": version, "command": "hack/package"},
                "resolvedDependencies": dependencies},
            # Whoever signs the statement says so as this builder.
            "runDetails": {"builder": {"id": "https://stockade.dev/build/hack-package"}}}}


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    _, version_argument, *paths = sys.argv
    sources_argument, *made = map(pathlib.Path, paths)
    print(json.dumps(statement(version_argument, sources_argument, made), indent=1))
