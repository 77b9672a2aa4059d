"""Pods and containers as a runtime makes them, and the profiles that they get."""

import itertools
import pathlib
import shutil
import subprocess

from messages import CHECKOUT, nri_pb2

BUILT = CHECKOUT / "build/bench"
IMAGE = BUILT / "image"
CGROUPS = pathlib.Path("/sys/fs/cgroup")
TOP = "stockade-bench-kubepods"  # of every pod's cgroup
NETWORK_RULES_MAX = 512  # of one direction
numbers = itertools.count(1)


def hierarchies():
    """Of a machine with both versions, v2 is the one by which containers are known, and pids is there for all tools."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [CGROUPS / name for name in ("unified", "pids") if (CGROUPS / name).is_dir()]


def profile(name, rules, files=False, network=False):
    """One that refuses nothing of what is measured. `rules`: how many of each kind that it has."""
    lines = [
        "apiVersion: stockade.dev/v1alpha1", "kind: SecurityProfile", f"metadata: {{name: {name}}}", "spec:",
        "  failurePolicy: Ignore # what a tier lacks is left out", "  acceptPartial: true", "  process:", "    rules:",
        "    - {path: /opt/judged, action: Allow, arguments: [{equals: evil, action: Block}]}",
    ]  # fmt: skip
    lines += [f"    - {{path: /opt/denied/program{number}, action: Block}}" for number in range(1, rules)]
    if files:
        lines += ["  kernel: {block: [mount, ptrace, bpf]}", "  file:", "    rules:"]
        lines += [f"    - {{path: /srv/secret/file{number}, action: Block}}" for number in range(rules)]
    if network:
        lines += ["  network:"]
        for direction in ("egress", "ingress"):
            lines += [f"    {direction}:", "      rules:"]
            lines += [f"      - {{cidr: 10.{number >> 8}.{number & 255}.0/24, action: Block}}"
                      for number in range(min(rules, NETWORK_RULES_MAX))]  # fmt: skip
    return "\n".join(lines) + "\n"


def configure(folder, profiles):
    """Writes a configuration with these profiles, and gives the arguments of a Stockade that has it."""
    texts = folder / "profiles"
    texts.mkdir(parents=True)
    for name, text in profiles.items():
        (texts / f"{name}.yaml").write_text(text, encoding="ascii")
    config = folder / "stockade.yaml"
    # A gap of each rule is a line of the log, which is not what is measured.
    config.write_text(f"profilesFolder: {texts}\neventsFile: {folder}/events\nlogLevel: error\n", encoding="ascii")
    return ["run", "--config", config, "--socket", "SOCKET"]


class Pod:
    """A pod of one container, with cgroups and a first process."""

    image, payload = IMAGE, BUILT / "payload"
    living = set()

    def __init__(self, scratch, chosen=None):
        number = next(numbers)
        uid = f"00000000-0000-0000-0000-{number:012}"
        parent = f"/{TOP}/pod{uid}"
        self.cgroups = [folder / parent[1:] / f"container{number}" for folder in hierarchies()]
        self.scratch = scratch
        self.process = None
        labels = {"io.kubernetes.pod.name": f"pod{number}", "io.kubernetes.pod.namespace": "bench"}
        self.pod = nri_pb2.PodSandbox(
            id=f"{number:064x}", name=f"pod{number}", uid=uid, namespace="bench", runtime_handler="runc",
            linux=nri_pb2.LinuxPodSandbox(cgroup_parent=parent))  # fmt: skip
        self.pod.labels.extend(nri_pb2.KeyValue(key=key, value=value) for key, value in labels.items())
        if chosen:
            self.pod.annotations.add(key="profile.stockade.dev", value=chosen)
        self.container = nri_pb2.Container(
            id=f"{number | 1 << 200:064x}", pod_sandbox_id=self.pod.id, name="main", args=["/bin/acts", ""],
            linux=nri_pb2.LinuxContainer(cgroups_path=f"{parent}/container{number}"))  # fmt: skip
        for key, value in {"type": "container", "name": "main", "image-name": "bench"}.items():
            key = f"container-{key}" if key != "image-name" else key
            self.container.annotations.add(key=f"io.kubernetes.cri.{key}", value=value)

    def make_cgroups(self):
        for cgroup in self.cgroups:
            cgroup.mkdir(parents=True)

    def run(self, *command):
        """Its first process, parked before the command."""
        words = [self.payload, self.image, self.scratch, *(cgroup / "cgroup.procs" for cgroup in self.cgroups), "--"]
        self.process = subprocess.Popen(
            [*words, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="ascii")
        self.living.add(self)
        assert self.process.stdout.readline() == "ready\n", "the container's first process did not start"
        self.container.pid = self.process.pid

    def begin(self):
        """Lets the command run."""
        self.process.stdin.write("x")
        self.process.stdin.flush()

    def output(self):
        """Lets the command run, and waits for its end."""
        out, _ = self.process.communicate("x")
        self.living.discard(self)
        assert self.process.returncode == 0, f"the command ended with status {self.process.returncode}"
        return out

    def kill(self):
        self.process.kill()
        self.process.communicate()
        self.living.discard(self)

    def remove_container_cgroups(self):
        for cgroup in self.cgroups:
            cgroup.rmdir()

    def remove_pod_cgroups(self):
        for cgroup in self.cgroups:
            cgroup.parent.rmdir()

    def start(self, plugin):
        """Everything from RunPodSandbox to StartContainer; the process is there."""
        plugin.call("RunPodSandbox", self.event(container=False))
        plugin.call("CreateContainer", self.event())
        plugin.call("StartContainer", self.event())

    def end(self, plugin):
        """Everything from the end of its processes."""
        plugin.call("StopContainer", self.event())
        self.remove_container_cgroups()
        plugin.call("RemoveContainer", self.event())
        plugin.call("StopPodSandbox", self.event(container=False))
        self.remove_pod_cgroups()
        plugin.call("RemovePodSandbox", self.event(container=False))

    def event(self, container=True):
        return nri_pb2.EventRequest(pod=self.pod, container=self.container if container else None)


def compile_c(target, source, *options):
    command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-o", target, source, *options]
    subprocess.run(command, check=True)


def build_image():
    """What containers have as their root, and the programs that measure."""
    programs = CHECKOUT / "Benchmarks/programs"
    shutil.rmtree(IMAGE, ignore_errors=True)
    deep = IMAGE / ("data" + 48 * "/deep")
    folders = ("bin", "dev", "etc", "opt", "proc", "srv", "sys", "tmp", "data/plain/folders/of/a")
    for folder in [deep, *(IMAGE / folder for folder in folders)]:
        folder.mkdir(parents=True)
    for file in (deep / "file", IMAGE / "data/plain/folders/of/a/file3"):
        file.write_text("content\n", encoding="ascii")
    compile_c(IMAGE / "bin/acts", programs / "acts.c", "-static", "-pthread")
    for name in ("program", "judged"):
        compile_c(IMAGE / "opt" / name, CHECKOUT / "Tests/attacks/image/tiny.c", "-static", "-nostdlib")
    compile_c(BUILT / "payload", programs / "payload.c", "-static")
    compile_c(BUILT / "noop", programs / "noop.c")
    # A dynamic program, and what the loader opens and maps for it.
    shutil.copy("/bin/true", IMAGE / "opt/dynamic")
    for word in subprocess.run(["ldd", "/bin/true"], check=True, stdout=subprocess.PIPE, text=True).stdout.split():
        if word.startswith("/"):
            target = IMAGE / word[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(word, target)
            if "libc.so" in word:
                shutil.copy(word, IMAGE / "opt/code.so")
    compile_c(BUILT / "floors", programs / "floors.c", "-lbpf")
    swift = pathlib.Path(shutil.which("swift")).resolve()
    command = [swift.parent / "clang", "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Werror", "-c"]
    command += ["-I", CHECKOUT / "bpf", "-o", BUILT / "floors.bpf.o", programs / "floors.bpf.c"]
    subprocess.run(command, check=True)
