"""nginx under a seccomp filter without a call that it makes only at its orderly stop: what denied the call is told."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import tempfile

from container import Container, Failure
from machine import Machine
from workloads import NGINX

PROFILE = """\
apiVersion: stockade.dev/v1alpha1
kind: SecurityProfile
metadata: {name: narrow-nginx}
spec:
  seccomp:
    type: Inline
    defaultAction: SCMP_ACT_ALLOW
    syscalls:
    - {names: [sendmsg], action: SCMP_ACT_ERRNO}
"""
LINE = PROFILE.splitlines().index("    - {names: [sendmsg], action: SCMP_ACT_ERRNO}") + 1


@dataclasses.dataclass(frozen=True)
class NarrowStop:
    name: str = "nginx at its stop under a filter without sendmsg"
    expected: bool = False

    def run(self, machine: Machine) -> str:
        """An empty text, or what is not as it should be."""
        machine.logs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=machine.folder) as work:
            profile = pathlib.Path(work) / "narrow-nginx.yaml"
            profile.write_text(PROFILE, encoding="utf-8")
            log = machine.logs / "narrow-nginx.log"
            container = Container(machine, NGINX, ["--profile", str(profile)], pathlib.Path(work), log)
            try:
                container.serve(NGINX.asks)
                os.kill(container.pid, NGINX.stop)
                container.wait_for("it could not stop", lambda: "sendmsg() failed" in container.output)
            except Failure as failure:
                return str(failure)
            finally:
                with contextlib.suppress(ProcessLookupError, TypeError):
                    os.kill(container.pid, signal.SIGKILL)
                container.remove()
            told = [line for line in container.output.splitlines() if " refused syscall sendmsg " in line]
            rule = f": rule seccomp.syscalls[0] ({profile}:{LINE}) of profile narrow-nginx"
            return "" if any(rule in line for line in told) else f"nothing told why ({log}): {told}"
