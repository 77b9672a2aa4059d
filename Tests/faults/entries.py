"""The entry points: what the program does from one request to its answer, and what must hold if a call in it failed."""

import json
import pathlib
import signal

import host
import session
from container import Pod
from must import Broken, must
from node import FOLDER, Node
from session import LOST

SWAPPED = ("/usr/bin/true", "/usr/bin/uptime")


class Entry:
    """`prepare` is not part of it. `act` is what the seam counts. `check` returns the outcome in a word or two."""

    name = ""
    # How many of its faults hack/test walks. It takes a second where a Stockade has to start for each.
    sample = 40
    starts = False

    def __init__(self, node: Node):
        self.node = node
        self.pod: Pod | None = None
        self.refusal: str | None = ""
        self.lost = ""

    def prepare(self) -> None:
        raise NotImplementedError

    def act(self) -> None:
        raise NotImplementedError

    def check(self) -> str:
        raise NotImplementedError

    def end(self) -> None:
        """After the last."""
        if self.pod:
            self.pod.end()
            self.pod = None

    def forget(self) -> None:
        """After something was broken, and all pods have been ended."""
        self.pod = None

    # ---- what entries share ----

    def serve(self, *pods: Pod) -> None:
        """Sees to it that a Stockade serves, without any fault."""
        if self.node.is_alive and self.node.session:
            return
        self.node.kill()
        self.node.launch()
        must(self.node.connect(list(pods)), f"the next start fails: {self.node.reason()}")

    def ask(self, body) -> bool:
        """Whether the plugin agreed. Keeps the reason for which it refused, or None if the session was lost."""
        self.refusal, self.lost = "", ""
        try:
            body()
        except session.Refused as error:
            self.refusal = str(error)
            must(bool(self.refusal), "refused without a reason")
            return False
        except LOST as error:
            self.refusal = None
            self.lost = str(error)
            return False
        return True

    def ended_well(self) -> str:
        """Of a process that has ended by itself: a reason, and no crash."""
        status = self.node.process.wait()
        self.node.hang_up()
        must(status >= 0, f"ended by {signal.Signals(-status).name if status < 0 else ''}: {self.node.reason()}")
        must(status > 0 and bool(self.node.reason()), f"ended with {status} without a reason")
        return "ended with a reason"

    def reconnect(self, *pods: Pod) -> str:
        """After a session that was lost: the same process, or the next one, serves again."""
        self.node.hang_up()
        if self.node.connect(list(pods)):
            return "session lost, came back"
        must(not self.node.is_alive, f"does not come back: {self.node.reason()}")
        outcome = self.ended_well()
        self.serve(*pods)
        return outcome

    def must_confine(self, pod: Pod) -> None:
        must(pod.is_confined, "a denied program ran")
        if not pod.is_open:
            must(bool(self.node.complaints()), "nothing runs, and the log does not say so")

    def next_works(self) -> None:
        """Another container, without any fault. The session may have been lost after the last answer."""
        if self.node.session and not self.node.session.is_open:
            self.reconnect()
        self.serve()
        pod = Pod()
        try:
            self.node.activate(pod)
            must(pod.is_confined and pod.is_open, "the next container is not confined as it should be")
            self.node.release(pod)
        except (session.Refused, *LOST) as error:
            raise Broken(f"the next container is refused: {error}") from error
        finally:
            pod.end()


class Start(Entry):
    """From the exec to the answer to Synchronize."""

    name, sample, starts = "start", 8, True

    def prepare(self) -> None:
        if self.node.is_alive:
            self.node.stop()
        must(not self.node.left(), f"left behind: {self.node.left()}")

    def act(self) -> None:
        self.connected = False
        self.node.launch()
        self.connected = self.node.connect([])

    def check(self) -> str:
        if not self.connected:
            must(not self.node.is_alive, f"neither serves nor ends: {self.node.reason()}")
            return self.ended_well() + self.cleared()
        pod = Pod()
        try:
            if self.ask(lambda: self.node.activate(pod)):
                self.must_confine(pod)
                outcome = "served"
                self.node.release(pod)
            else:
                must(self.refusal is not None, f"the first container ends the session: {self.lost}")
                outcome = "containers refused"
        finally:
            pod.end()
        must(self.node.stop() == 0, "SIGTERM does not end it with 0")
        return outcome + self.cleared()

    def cleared(self) -> str:
        """What an end leaves, the next start and end take away."""
        if not self.node.left():
            return ""
        self.serve()
        must(self.node.stop() == 0 and not self.node.left(), f"the next leaves {self.node.left()}")
        return ", left until the next"


class Activate(Entry):
    """RunPodSandbox, CreateContainer and StartContainer."""

    name, sample = "activate", 100

    def prepare(self) -> None:
        self.end()
        self.serve()
        self.pod = Pod()

    def act(self) -> None:
        self.agreed = self.ask(lambda: self.node.activate(self.pod))

    def check(self) -> str:
        pod, outcome = self.pod, "confined"
        if self.agreed:
            self.must_confine(pod)
        elif self.refusal is not None:
            outcome = "container refused"
        else:
            outcome = self.reconnect(pod)
            self.must_confine(pod)
        self.ask(lambda: self.node.release(pod))
        self.end()
        self.next_works()
        return outcome


class Release(Entry):
    """StopContainer to RemovePodSandbox, while a process of the container lives."""

    name = "release"

    def prepare(self) -> None:
        self.end()
        self.serve()
        self.pod = Pod()
        self.node.activate(self.pod)

    def act(self) -> None:
        self.agreed = self.ask(lambda: self.node.release(self.pod))

    def check(self) -> str:
        outcome = "released" if self.agreed else "reported"
        if not self.agreed and self.refusal is None:
            outcome = self.reconnect()
        must(self.pod.is_confined, "a denied program ran after the release")
        self.end()
        self.next_works()
        return outcome


class Adopt(Entry):
    """A start, where an earlier Stockade was killed while two containers ran. The runtime lists only one of them."""

    name, sample, starts = "adopt", 6, True
    unlisted: Pod | None = None

    def prepare(self) -> None:
        if not self.pod:
            self.serve()
            self.pod, self.unlisted = Pod(), Pod()
            for pod in (self.pod, self.unlisted):
                self.node.activate(pod)
        self.node.kill()
        self.must_confine_both()

    def must_confine_both(self) -> None:
        must(self.pod.is_confined, "a denied program ran in a container that was confined before")
        must(self.unlisted.is_confined, "a denied program ran in a container that is not listed any more")

    def forget(self) -> None:
        self.pod = self.unlisted = None

    def end(self) -> None:
        super().end()
        if self.unlisted:
            self.unlisted.end()
            self.unlisted = None

    def act(self) -> None:
        self.connected = False
        self.node.launch()
        self.connected = self.node.connect([self.pod])

    def check(self) -> str:
        self.must_confine_both()
        if self.connected:
            self.must_confine(self.pod)
            return "adopted"
        must(not self.node.is_alive, f"neither serves nor ends: {self.node.reason()}")
        outcome = self.ended_well()
        self.serve(self.pod)
        self.must_confine_both()
        must(self.pod.is_open, "the next Stockade does not adopt the container")
        return outcome


class Asked(Entry):
    """What a command asks of a Stockade with one container."""

    def prepare(self) -> None:
        if not self.pod:
            self.serve()
            self.pod = Pod()
            self.node.activate(self.pod)
        self.serve(self.pod)

    def answered(self, what: str) -> str:
        """Of a command whose answer is in `self.answer`."""
        must(self.pod.is_confined, "a denied program ran")
        outcome = what if self.answer.returncode == 0 else "error told"
        must(bool(self.answer.stdout.strip() or self.answer.stderr.strip()), "a command that failed says nothing")
        if not self.node.is_alive:
            outcome = self.ended_well()
        elif self.node.session is None:
            outcome = self.reconnect(self.pod)
        self.serve(self.pod)
        return outcome


class Status(Asked):
    """`stockade status`, by the control API."""

    name, sample = "status", 60

    def act(self) -> None:
        self.answer = self.node.command("status", "-o", "json")

    def check(self) -> str:
        if self.answer.returncode == 0:
            json.loads(self.answer.stdout)
        outcome = self.answered("told")
        again = self.node.command("status", "-o", "json")
        must(again.returncode == 0, f"the next status fails: {again.stdout}{again.stderr}")
        return outcome


class Reload(Asked):
    """A changed profile, read again."""

    name = "reload"
    allowed, other = SWAPPED

    def prepare(self) -> None:
        super().prepare()
        self.allowed, self.other = self.other, self.allowed

    def act(self) -> None:
        self.node.write_profile(self.allowed)
        self.answer = self.node.command("reload")

    def check(self) -> str:
        outcome = self.answered("reloaded")
        again = self.node.command("reload")
        must(again.returncode == 0, f"the next reload fails: {again.stdout}{again.stderr}")
        # Without a fault, the watch on the folder also reads it.
        host.wait_until("the changed profile to be in force", self.is_in_force, seconds=60)
        return outcome

    def is_in_force(self) -> bool:
        return self.pod.run(self.allowed) and not self.pod.run(self.other)


class Record(Asked):
    """A recording of a second, in which a program is denied."""

    name, sample = "record", 6
    file = FOLDER / "recording.json"

    def act(self) -> None:
        pathlib.Path(self.file).unlink(missing_ok=True)
        self.answer = self.node.command("record", "--container", self.pod.id, "--for", "1s", str(self.file))

    def check(self) -> str:
        if self.answer.returncode == 0:
            json.loads(self.file.read_text())
        return self.answered("recorded")


class Stop(Entry):
    """From SIGTERM to the end."""

    name, sample, starts = "stop", 6, True

    def prepare(self) -> None:
        self.serve()
        if self.pod is None:
            self.next_works()

    def act(self) -> None:
        self.status = self.node.stop()

    def check(self) -> str:
        must(self.status >= 0, f"SIGTERM ends it by signal {-self.status}")
        if not self.node.left():
            return "nothing left"
        must(bool(self.node.complaints()), f"left behind without a word: {self.node.left()}")
        self.serve()
        must(self.node.stop() == 0 and not self.node.left(), "what is left is not taken away by the next")
        return "left until the next"


ALL = (Start, Activate, Release, Adopt, Reload, Record, Status, Stop)
