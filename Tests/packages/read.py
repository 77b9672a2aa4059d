#!/usr/bin/python3
"""Reads what hack/package has made, as others read it. PYTHONPATH has the folder of `hack/fetch-python packages`.

    read.py sbom FILE                   checks it by SPDX's own tools, and prints "NAME VERSION" of each package
    read.py linked FILE                 prints the name of each library that is linked into the program
    read.py envelope FILE PUBLIC_KEY    checks the signature by in-toto's library, and prints the name of each file
"""

import json
import pathlib
import sys


def sbom(path: str) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    document = parse_file(path)
    problems = validate_full_spdx_document(document)
    if problems:
        sys.exit("\n".join(problem.validation_message for problem in problems))
    for package in document.packages:
        print(package.name, package.version)


def linked(path: str) -> None:
    document = json.loads(pathlib.Path(path).read_text())
    names = {package["SPDXID"]: package["name"] for package in document["packages"]}
    for relation in document["relationships"]:
        if relation["relationshipType"] == "STATIC_LINK":
            print(names[relation["relatedSpdxElement"]])


def envelope(path: str, public_key: str) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    data = json.loads(pathlib.Path(path).read_text())
    name = data["signatures"][0]["keyid"]
    found = Envelope.from_dict(data)
    key = SSlibKey.from_crypto(load_pem_public_key(pathlib.Path(public_key).read_bytes()), keyid=name)
    found.verify([key], 1)
    for subject in json.loads(found.payload)["subject"]:
        print(subject["name"])


if __name__ == "__main__":
    {"sbom": sbom, "linked": linked, "envelope": envelope}[sys.argv[1]](*sys.argv[2:])
