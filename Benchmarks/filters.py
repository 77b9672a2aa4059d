"""
What starts of runc cost without a seccomp filter, with Stockade's RuntimeDefault, and with a runtime's own default; and
what a container of `stockade try` costs that is not the first. They take turns, so that all see the same machine.
"""

import importlib.machinery
import importlib.util
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[1]
BUSYBOX = pathlib.Path("/bin/busybox")
# Keeps the configuration that `stockade try` gives to runc.
KEEP = """#!/bin/sh
for each; do [ ! -f "$each/config.json" ] || cp "$each/config.json" "{kept}"; done
exec runc "$@"
"""
# Without what the network's programs wait for.
QUIET = """apiVersion: stockade.dev/v1alpha1
kind: SecurityProfile
metadata: {name: quiet}
spec: {acceptPartial: true, process: {rules: [{path: /opt/denied, action: Block}]}}
"""
ROUNDS, TRIES, REPEATED = 31, 4, 10
PROFILE = """apiVersion: stockade.dev/v1alpha1
kind: SecurityProfile
metadata: {name: bench}
spec: {seccomp: {type: RuntimeDefault}}
"""


def reference():
    """How Podman makes a filter of its file."""
    path = str(ROOT / "Tests/SeccompTests/Runc/loaded-filters")
    loader = importlib.machinery.SourceFileLoader("loaded_filters", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


def ours(stockade, folder):
    kept, wrapper, profile = folder / "kept.json", folder / "runc", folder / "bench.yaml"
    wrapper.write_text(KEEP.format(kept=kept), encoding="utf-8")
    wrapper.chmod(0o755)
    profile.write_text(PROFILE, encoding="utf-8")
    subprocess.run([stockade, "try", "--runc", wrapper, "--profile", profile, "--", "true"], check=True)
    return json.loads(kept.read_text(encoding="utf-8"))["linux"]["seccomp"]


def bundle(folder, seccomp):
    (folder / "rootfs/proc").mkdir(parents=True)
    (folder / "rootfs/true").write_bytes(BUSYBOX.read_bytes())
    (folder / "rootfs/true").chmod(0o755)
    linux = {"namespaces": [{"type": "mount"}, {"type": "pid"}]} | ({"seccomp": seccomp} if seccomp else {})
    specification = {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "process": {"args": ["/true"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "noNewPrivileges": True},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": linux,
    }
    (folder / "config.json").write_text(json.dumps(specification), encoding="utf-8")


def cost(folder, name):
    """Milliseconds of time, and of the processors' time, of one container from its start to its end."""
    used, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = ["runc", "--root", folder / "state", "run", "--bundle", folder, name]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    processors = ended.ru_utime + ended.ru_stime - used.ru_utime - used.ru_stime
    return (time.monotonic() - began) * 1000, processors * 1000


def further_container(stockade, profile):
    """Milliseconds of one container of `stockade try`, beside those that a session takes."""
    found = []
    for repeat in (1, 1 + REPEATED):
        began = time.monotonic()
        command = [stockade, "try", "--profile", profile, "--repeat", str(repeat), "--", "true"]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)  # fmt: skip
        found.append((time.monotonic() - began) * 1000)
    return (found[1] - found[0]) / REPEATED


def rows(stockade, file):
    """What is told of each: name, condition, unit, the number, and the one that it is compared with."""
    with tempfile.TemporaryDirectory(prefix="stockade-bench-") as name:
        folder = pathlib.Path(name)
        filters = {"no filter": None, "RuntimeDefault": ours(stockade, folder)}
        podman = reference()
        if file:
            capabilities = {f"CAP_{name}" for name in podman.DEFAULT_CAPABILITIES.split()}
            text = pathlib.Path(file).read_text(encoding="utf-8")
            filters["the runtime's own"] = podman.resolve(json.loads(text), capabilities)
        for number, filter in enumerate(filters.values()):
            bundle(folder / str(number), filter)
        costs = {kind: [] for kind in filters}
        for turn in range(ROUNDS):
            # Whoever goes first pays for what the kernel has put aside, so the order changes.
            for number, kind in sorted(enumerate(filters), reverse=turn % 2 == 1):
                container = f"{folder.name}-{turn}"
                costs[kind].append(cost(folder / str(number), container))
                podman.remove_cgroups(container)
        quiet = folder / "quiet.yaml"
        quiet.write_text(QUIET, encoding="utf-8")
        further = [further_container(stockade, quiet) for _ in range(TRIES)]
    typical = {kind: [statistics.quantiles(column, n=4)[0] for column in zip(*all)] for kind, all in costs.items()}
    bare = typical["no filter"]
    for kind in list(filters)[1:]:
        yield "a container of runc", f"filter: {kind}", "ms", typical[kind][0], bare[0]
        yield "its processor time", f"filter: {kind}", "ms", typical[kind][1], bare[1]
    if file:
        kinds = ("RuntimeDefault", "the runtime's own")
        yield "a container of runc", "RuntimeDefault beside the own", "ms", *(typical[kind][0] for kind in kinds)
    yield "a further container of `try`", "beside runc alone", "ms", statistics.quantiles(further, n=4)[0], bare[0]
