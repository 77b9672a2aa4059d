"""
Workloads that are recorded, and that then run under the profile of their recording. That run also has other requests, a
reload, new log files and an orderly stop. What an intruder would do is denied.
"""

import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import document
from container import Container, Failure
from machine import Machine
from workloads import GUNICORN, JAVA, MOUNTS, NGINX, POSTGRES, PSQL, REDIS, USER, Ask, Part, get

RUNS = 3
# What the node can enforce and see.
DOCTOR_LINES = ("tier", "network", "seccomp")
# Denies nothing that is tried here.
OPEN = ["--profile", str(document.SHIPPED / "base.yaml")]
TOKEN = "/run/secrets/kubernetes.io/serviceaccount"
# Who listens where no recorded run connects, and says when somebody has.
LISTENER = """
import socket
listener = socket.create_server(("127.0.0.1", 81))
print("listens", flush=True)
while True:
    peer = listener.accept()[0]
    peer.recv(1024)
    peer.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\noutside\\n")
    peer.close()
    print("connected", flush=True)
"""


def sql(text: str, expected: str) -> Ask:
    return [*PSQL, f"--command={text}"], expected


def redis(words: str, expected: str) -> Ask:
    return ["redis-cli", *words.split()], f"{expected}\n"


@dataclasses.dataclass(frozen=True)
class Recorded:
    part: Part
    # Of the run under the profile alone.
    other_asks: list[Ask]
    other_signals: list[signal.Signals]
    # What no profile of it should let pass, with the answer where there is no profile.
    misuse: dict[str, Ask]
    # A first container of the image that makes what the workload needs, in the folder /data.
    preparation: list[str] | None = None

    @property
    def name(self) -> str:
        return f"recorded-{self.part.name}"

    @property
    def expected(self) -> bool:
        return True

    def run(self, machine: Machine) -> str:
        """An empty text, or what is not as it should be."""
        (machine.logs / "recorded").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=machine.folder) as work:
            try:
                self.record_and_confine(Bench(machine, self, pathlib.Path(work)))
            except Failure as failure:
                return str(failure)
        return ""

    def record_and_confine(self, bench: "Bench") -> None:
        bench.prepare()
        with bench.container("open", OPEN) as container:
            container.serve(self.part.asks)
            bench.misuse(container, is_denied=False)
        found = [line for line in bench.machine.doctor() if line.split()[1] in DOCTOR_LINES]
        bench.note(["doctor"], "".join(f"{line}\n" for line in found))
        recordings = [bench.record(number) for number in range(1, 2 * RUNS + 1)]
        profile = bench.folder / f"{self.part.name}.yaml"
        bench.stockade("profile", "merge", "--name", "recorded", "-o", profile, recordings[0])
        bench.note_file(profile)
        bench.stockade("profile", "check", profile)
        bench.stockade("profile", "test", "--mutate", profile, *recordings[:RUNS])
        confinement = ["--profile", str(profile)]
        with bench.container("confined", confinement) as container:
            container.serve(self.part.asks + self.other_asks)
            for number in self.other_signals:
                os.kill(container.pid, number)
                time.sleep(bench.machine.slowness)
                container.serve(self.part.asks)
            container.end()
            if container.is_told():
                raise Failure(f"something was denied, see {container.log}")
            bench.note_container(container, confinement)
        with bench.container("misused", confinement) as container:
            container.serve(self.part.asks)
            bench.misuse(container, is_denied=True)
        bench.note_container(container, confinement)
        bench.finish()
        bench.compare(recordings)


@dataclasses.dataclass
class Bench:
    """What one workload's containers share."""

    machine: Machine
    workload: Recorded
    folder: pathlib.Path
    # What the commands said, for docs/recording-example.md.
    transcript: list[str] = dataclasses.field(default_factory=list)

    def prepare(self) -> None:
        for name in ("token", "data"):
            (self.folder / name).mkdir(mode=0o755)
        (self.folder / "token/token").write_text("token\n", encoding="ascii")
        if self.workload.preparation is not None:
            part = Part("preparation", self.workload.part.image, self.workload.preparation)
            with self.container("preparation", OPEN, part) as container:
                container.end()

    @contextlib.contextmanager
    def container(self, log: str, options: list[str], part: Part | None = None):
        """A container of the workload, or of another part, as long as the context lasts."""
        part = part or self.workload.part
        (self.folder / f"{part.name}.status").unlink(missing_ok=True)
        path = self.machine.logs / "recorded" / f"{self.workload.part.name}-{log}.log"
        mounts = ["--mount", f"{self.folder}/token:{TOKEN}:ro", "--mount", f"{self.folder}/data:/data"]
        container = Container(self.machine, part, [*options, *part.options, *mounts], self.folder, path)
        try:
            yield container
        finally:
            container.remove()

    def record(self, number: int) -> pathlib.Path:
        path = self.folder / f"{number}.json"
        options = ["--record", str(path)]
        with self.container(f"run-{number}", options) as container:
            container.serve(self.workload.part.asks)
            container.end()
            if number == 1:
                self.note_container(container, options)
        return path

    def compare(self, recordings: list[pathlib.Path]) -> None:
        """Three runs give the same bytes in any order. So do three others, where no timer fires for want of speed."""
        merged = self.merge("merged", recordings[:RUNS])
        self.expect("the order of the recordings", self.merge("turned", recordings[RUNS - 1 :: -1]), merged)
        others = self.merge("others", recordings[RUNS:])
        if self.machine.slowness == 1:
            self.expect("another set of recordings", others, merged)

    def note_file(self, path: pathlib.Path) -> None:
        self.transcript.append(f"$ cat {path.name}\n{path.read_text(encoding='utf-8')}\n")

    def merge(self, name: str, recordings: list[pathlib.Path]) -> str:
        text = self.stockade("profile", "merge", "--name", "recorded", *recordings)
        (self.machine.logs / "recorded" / f"{self.workload.part.name}-{name}.yaml").write_text(text, encoding="utf-8")
        return text

    def stockade(self, *words) -> str:
        done = subprocess.run([self.machine.stockade, *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"stockade {words[0]} {words[1]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        self.note(words, done.stderr + done.stdout)
        return done.stdout

    def note(self, words, output: str) -> None:
        """Adds a command and what it said to the transcript."""
        text = f"$ stockade {' '.join(map(str, words))}\n{output}\n"
        for path, name in ((f"{self.folder}/", ""), (str(self.machine.images[self.workload.part.image]), "IMAGE")):
            text = text.replace(path, name)
        self.transcript.append(text)

    def note_container(self, container: Container, options: list[str]) -> None:
        words = [*options, "--rootfs", container.root, "--", *self.workload.part.command]
        told = [line for line in container.output.splitlines() if line.startswith("stockade try: ")]
        self.note(["try", *words], "".join(f"{line}\n" for line in told))

    def finish(self) -> None:
        path = self.machine.logs / "recorded" / f"{self.workload.part.name}-transcript.txt"
        path.write_text("\n".join(self.transcript), encoding="utf-8")

    @staticmethod
    def expect(what: str, found: str, expected: str) -> None:
        if found != expected:
            raise Failure(f"{what} changes the profile")

    def misuse(self, container: Container, is_denied: bool) -> None:
        command = ["nsenter", f"--net=/proc/{container.pid}/ns/net", "python3", "-c", LISTENER]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
            try:
                listener.stdout.readline()
                for what, (request, answer) in self.workload.misuse.items():
                    # At tier signal there are no rules about files.
                    if is_denied and what == "token" and self.machine.tier == "signal":
                        continue
                    is_answered = container.answer(request) == answer
                    if is_answered == is_denied:
                        outcome = "let through" if is_denied else "not possible"
                        raise Failure(f"{what} was {outcome}, see {container.log}")
            finally:
                listener.kill()


HTTP_MISUSE = {what: get(f"127.0.0.1:8080/{what}", what) for what in ("shell", "binary", "outside", "token")}

RECORDED = [
    Recorded(
        dataclasses.replace(
            NGINX, command=["/usr/sbin/nginx", "-g", "daemon off;"],
            options=["--mount", f"{MOUNTS}/recorded/default.conf:/etc/nginx/conf.d/default.conf:ro"],
        ),
        other_asks=[(["curl", "--silent", "--head", "--output", "/dev/null", "--write-out", "%{http_code}",
                      "127.0.0.1/passwd/nothing"], "404")],
        other_signals=[signal.SIGHUP, signal.SIGUSR1],
        misuse={"outside": get("127.0.0.1/outside", "outside"), "token": get("127.0.0.1/token", "token")},
    ),
    Recorded(
        REDIS, other_asks=[redis("lpush list one", "1"), redis("config set maxmemory 10mb", "OK")], other_signals=[],
        misuse={},
    ),
    Recorded(
        dataclasses.replace(
            POSTGRES,
            command=["/usr/local/bin/gosu", "postgres", "/usr/lib/postgresql/15/bin/postgres", "-D", "/data/pg",
                     "-c", "logging_collector=on", "-c", "listen_addresses=*"],
            options=[], asks=[sql("SELECT 6 * 7", "42\n")],
        ),
        other_asks=[sql("CREATE TABLE drinks (name text)", "CREATE TABLE\n"),
                    sql("SELECT pg_reload_conf(), pg_rotate_logfile()", "t|t\n")],
        other_signals=[signal.SIGHUP],
        misuse={
            "shell": sql("COPY (SELECT 1) TO PROGRAM 'cat >/dev/null'", "COPY 1\n"),
            "token": sql(f"SELECT pg_read_file('{TOKEN}/token')", "token\n\n"),
        },
        preparation=["/bin/bash", "-c", "mkdir /data/pg && chown postgres /data/pg && exec gosu postgres "
                     "/usr/lib/postgresql/15/bin/initdb --username=postgres --auth=trust /data/pg"],
    ),
    Recorded(
        dataclasses.replace(GUNICORN, asks=GUNICORN.asks + USER), other_asks=[get("127.0.0.1:8080/other", "nothing")],
        other_signals=[signal.SIGHUP, signal.SIGUSR1], misuse=HTTP_MISUSE,
    ),
    Recorded(
        dataclasses.replace(JAVA, asks=JAVA.asks + USER), other_asks=[get("127.0.0.1:8080/other", "java")],
        other_signals=[signal.SIGQUIT], misuse=HTTP_MISUSE,
    ),
]  # fmt: skip
