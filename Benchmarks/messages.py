"""The messages of proto/ as Python classes, `nri_pb2` and `ttrpc_pb2`. protoc makes them if they are not there yet."""

import pathlib
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
MADE = CHECKOUT / "build/bench/messages"
FILES = [CHECKOUT / "proto" / name for name in ("nri.proto", "ttrpc.proto", "status.proto")]


def are_made():
    found = [MADE / f"{file.stem}_pb2.py" for file in FILES]
    return all(made.exists() and made.stat().st_mtime > file.stat().st_mtime for made, file in zip(found, FILES))


if not are_made():
    MADE.mkdir(parents=True, exist_ok=True)
    subprocess.run(["protoc", "--proto_path", CHECKOUT / "proto", "--python_out", MADE, *FILES], check=True)
sys.path.insert(0, str(MADE))
import nri_pb2  # noqa: E402,F401
import ttrpc_pb2  # noqa: E402,F401
