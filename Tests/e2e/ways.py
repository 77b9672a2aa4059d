"""Ways round a profile that the tests try, and that test_runtime shows to be open without the plugin."""

import contextlib
import os
import pathlib
import tempfile
import unittest

import host

# Each ends in running wc, which profile `shop` denies, in a shell, which it allows.
DISGUISES = {
    "a copy": "cp /usr/bin/wc /tmp/wc; /tmp/wc /usr/bin/script",
    "a copy under an allowed name": "mkdir /tmp/d; cp /usr/bin/wc /tmp/d/id; /tmp/d/id",
    "a symbolic link": "mkdir /tmp/s; ln -s /usr/bin/wc /tmp/s/wc; /tmp/s/wc /usr/bin/script",
    "a hard link": "mkdir /tmp/h; ln /usr/bin/wc /tmp/h/wc; /tmp/h/wc /usr/bin/script",
    "a relative path": "cd /usr/lib/../bin; ./wc script",
    "another argv[0]": "(exec -a id /usr/bin/wc)",
    "a child of an allowed shell": "(/usr/bin/wc /usr/bin/script)",
}

OTHER_CGROUP = "stockade-e2e"
# In a container that has the unified hierarchy at /cgroup: the shell leaves, and says so.
MOVE = f"echo $$ > /cgroup/{OTHER_CGROUP}/cgroup.procs && grep -q {OTHER_CGROUP} /proc/self/cgroup && echo moved"
# In a privileged container with the host's pids. Pid 1 may be out of reach for the tests themselves.
ENTER_HOST = f"/bin/busybox nsenter -t {os.environ['E2E_HOST_PROCESS']} -m"


def make_other_cgroup(case: unittest.TestCase) -> None:
    """A cgroup that processes of a container can leave to, until the test is over."""
    folder = host.unified() / OTHER_CGROUP
    folder.mkdir(exist_ok=True)

    def gone() -> bool:
        host.remove_cgroups({str(folder)})
        return not folder.exists()

    case.addCleanup(host.wait_until, f"{folder} to go", gone)


@contextlib.contextmanager
def host_marker():
    """The path of a file on the host that is not there yet."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="stockade-e2e-") as folder:
        yield pathlib.Path(folder) / "marker"
