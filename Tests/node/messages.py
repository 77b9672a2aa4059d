"""The messages of NRI, which protoc makes of proto/."""

import pathlib
import subprocess
import sys

import host

GENERATED = host.SCRATCH / "generated"


def generate() -> None:
    """In private mounts, and before anything imports `session`."""
    GENERATED.mkdir()
    proto = pathlib.Path(__file__).parents[2] / "proto"
    files = ("nri.proto", "status.proto", "ttrpc.proto")
    subprocess.run(["protoc", f"--python_out={GENERATED}", f"--proto_path={proto}", *files], check=True)
    sys.path.insert(0, str(GENERATED))
