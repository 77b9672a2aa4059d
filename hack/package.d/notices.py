#!/usr/bin/python3
"""What packages say of the libraries in the binary, made of packaging/libraries.toml.

    notices.py notice               prints NOTICE
    notices.py copyright            prints debian/copyright
    notices.py originals FOLDER     copies into FOLDER what each library's own package says of copyright and licence
"""

import pathlib
import sys
import textwrap

from libraries import ROOT, Library, WrongList, build_folder, load, toolchain_folder

TEXTS = ROOT / "packaging/licence-texts.txt"
COLUMNS = 120

HEAD = """\
Stockade
========

Copyright the Stockade authors. Licensed under the Apache License, Version 2.0 (LICENSE). The programs in bpf/ are
licensed under GPL-2.0-only OR BSD-2-Clause (bpf/LICENSE.GPL-2.0, bpf/LICENSE.BSD-2-Clause).

The binary `stockade` contains the libraries below, unchanged. Those with a Debian package are linked from the Debian
release on which the binary was built; `apt source PACKAGE` gives their sources. docs/packages.md says how to link the
binary anew with a changed library.

hack/generate-notice wrote this file from packaging/libraries.toml.
"""


def wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def notice() -> str:
    parts = [HEAD]
    for library in load():
        taken = library.taken or library.licence
        offered = f" (offered: {library.licence})" if library.taken else ""
        lines = [library.name, "-" * len(library.name), "", f"Licence: {taken}{offered}. {library.home}",
                 wrapped("; ".join(f"Copyright (c) {holder}" for holder in library.copyright))]
        if library.package:
            lines.append(f"Debian package: {library.package}")
        lines.append(wrapped("Linked: " + " ".join(f"`{name}`" for name in library.archives), "  "))
        parts.append("\n".join(lines) + "\n")
    parts.append(TEXTS.read_text())
    return "\n".join(parts)


TEXTS_ARE_IN = "The text is in /usr/share/doc/stockade/NOTICE or in /usr/share/common-licenses."


def debian_form(licence: str) -> str:
    return licence.replace(" OR ", " or ").replace(" WITH ", " with ")


def paragraph(fields: dict[str, str]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in fields.items()) + "\n"


def copyright_file() -> str:
    """In Debian's machine-readable form, version 1.0."""
    text = paragraph({
        "Format": "https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/", "Upstream-Name": "stockade",
        "Comment": "What stands below linked/ is linked into /usr/bin/stockade."})
    text += paragraph({"Files": "*", "Copyright": "the Stockade authors", "License": "Apache-2.0"})
    text += paragraph({"Files": "bpf/*", "Copyright": "the Stockade authors",
                       "License": "GPL-2.0-only or BSD-2-Clause"})
    for library in load():
        text += paragraph({
            "Files": " ".join(f"linked/{name}" for name in library.archives),
            "Copyright": "\n ".join(library.copyright), "License": debian_form(library.licence),
            "Comment": f"{library.name}, {library.home}"})
    words = {word for library in load() for word in library.licence.split(" OR ")} | {"GPL-2.0-only"}
    for word in sorted(words):
        text += paragraph({"License": f"{debian_form(word)}\n {TEXTS_ARE_IN}"})
    return text.rstrip("\n") + "\n"


def originals_of(library: Library) -> list[pathlib.Path]:
    """Files that say of it what its authors, or Debian, say."""
    if library.package:
        return [pathlib.Path(f"/usr/share/doc/{library.package}/copyright")]
    if library.checkout:
        folder = build_folder() / "checkouts" / library.checkout
        return [folder / "LICENSE.txt", folder / "NOTICE.txt"]
    return [toolchain_folder() / "share/swift/LICENSE.txt"]


def copy_originals(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for library in load():
        name = library.package or library.checkout or "swift"
        text = "\n".join(path.read_text() for path in originals_of(library))
        (folder / name).write_text(text)


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["notice"]:
                print(notice(), end="")
            case ["copyright"]:
                print(copyright_file(), end="")
            case ["originals", folder]:
                copy_originals(pathlib.Path(folder))
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (WrongList, OSError) as error:
        print(f"notices.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
