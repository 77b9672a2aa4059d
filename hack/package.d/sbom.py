#!/usr/bin/python3
"""Prints what is in the binary, or in the image, as SPDX 2.3 in JSON.

    sbom.py VERSION BINARY                       the binary, what is linked into it, and what it needs on the node
    sbom.py VERSION BINARY --image STATUS        the image: the binary, and the packages of dpkg's STATUS file

SOURCE_DATE_EPOCH is the time of it.
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

from libraries import Library, WrongList, load, package_field

SUPPLIER = "Organization: the Stockade authors"
# Of packages of Debian that are not linked statically, the licences are in the package's own copyright file.
UNSTATED = "NOASSERTION"
DEPENDS = pathlib.Path(__file__).parent / "depends"
NAMESPACE = "https://stockade.dev/spdx"


def identifier(text: str) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-")


def debian_url(package: str, version: str, architecture: str = "amd64") -> dict[str, str]:
    locator = f"pkg:deb/debian/{package}@{version.replace(':', '%3A').replace('+', '%2B')}?arch={architecture}"
    return {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}


def digest(path: pathlib.Path) -> list[dict[str, str]]:
    return [{"algorithm": "SHA256", "checksumValue": hashlib.sha256(path.read_bytes()).hexdigest()}]


def described(name: str, version: str, licence: str, concluded: str = "", **more) -> dict:
    return {"SPDXID": identifier(f"{name}-{version}"), "name": name, "versionInfo": version,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseDeclared": licence,
            "licenseConcluded": concluded or licence, "copyrightText": "NOASSERTION"} | more


def stockade(version: str, binary: pathlib.Path) -> dict:
    return described("stockade", version, "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)", supplier=SUPPLIER,
                     checksums=digest(binary), primaryPackagePurpose="APPLICATION",
                     copyrightText="Copyright the Stockade authors")


def linked(library: Library) -> dict:
    more = {"homepage": library.home, "primaryPackagePurpose": "LIBRARY",
            "copyrightText": "\n".join(f"Copyright (c) {holder}" for holder in library.copyright)}
    if library.package:
        source, version = (package_field(library.package, f"source:{field}") for field in ("Package", "Version"))
        more["sourceInfo"] = f"Debian's source package {source} {version}"
        more["externalRefs"] = [debian_url(library.package, library.version)]
    return described(library.name, library.version, library.licence, library.taken, **more)


def needed(binary: pathlib.Path) -> list[dict]:
    """The packages of Debian whose shared libraries the program loads."""
    depends = subprocess.run([DEPENDS, binary], stdout=subprocess.PIPE, text=True, check=True).stdout
    owners = [dependency.split()[0] for dependency in depends.split(",")]
    return [installed(owner, package_field(owner, "Version")) for owner in sorted(owners)]


def installed(package: str, version: str, architecture: str = "amd64") -> dict:
    return described(package, version, UNSTATED, supplier="Organization: Debian",
                     externalRefs=[debian_url(package, version, architecture)])


def packages_of(status: pathlib.Path) -> list[dict]:
    found = []
    for entry in status.read_text().strip().split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", entry, re.MULTILINE))
        found.append(installed(fields["Package"], fields["Version"], fields["Architecture"]))
    return found


def relation(left: dict, kind: str, right: dict) -> dict[str, str]:
    return {"spdxElementId": left["SPDXID"], "relationshipType": kind, "relatedSpdxElement": right["SPDXID"]}


def document(name: str, root: dict, packages: list[dict], relations: list[dict]) -> dict:
    created = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    itself = {"SPDXID": "SPDXRef-DOCUMENT"}
    # The same content has the same name, and no other has.
    content = hashlib.sha256(json.dumps([packages, relations], sort_keys=True).encode()).hexdigest()
    return itself | {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "name": name,
        "documentNamespace": f"{NAMESPACE}/{name}-{content}",
        "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": [SUPPLIER]},
        "packages": packages, "relationships": [relation(itself, "DESCRIBES", root), *relations]}


def of_binary(version: str, binary: pathlib.Path) -> dict:
    root = stockade(version, binary)
    parts, shared = [linked(library) for library in load()], needed(binary)
    relations = [relation(root, "STATIC_LINK", part) for part in parts]
    relations += [relation(root, "DYNAMIC_LINK", package) for package in shared]
    return document(f"stockade-{version}", root, [root, *parts, *shared], relations)


def of_image(version: str, binary: pathlib.Path, status: pathlib.Path) -> dict:
    root = described("stockade-image", version, UNSTATED, supplier=SUPPLIER, primaryPackagePurpose="CONTAINER")
    program, base = stockade(version, binary), packages_of(status)
    parts = [linked(library) for library in load()]
    relations = [relation(root, "CONTAINS", package) for package in [program, *base]]
    relations += [relation(program, "STATIC_LINK", part) for part in parts]
    return document(f"stockade-image-{version}", root, [root, program, *parts, *base], relations)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("version")
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--image", type=pathlib.Path)
    options = parser.parse_args()
    if options.image:
        found = of_image(options.version, options.binary, options.image)
    else:
        found = of_binary(options.version, options.binary)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    try:
        main()
    except (WrongList, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"sbom.py: {error}")
