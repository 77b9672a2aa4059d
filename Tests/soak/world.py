"""A node on which containers come and go in random orders: what is alive, and what may happen next."""

import collections
import dataclasses
import itertools
import json
import pathlib
import random
import subprocess

import container
import profiles
from life import WAYS, WEIGHTS, Life
from must import must
from node import FOLDER, Node

# How often each happens, for each thousand of all. Beside them containers start, and take their next steps.
RARE = {
    "check": 60, "ask_status": 2, "ask_containers": 2, "follow_events": 2, "write_profile": 4, "reload": 2,
    "break_profile": 1, "audit": 2, "record": 1, "connect_anew": 3,
}
# Only where Stockade may end.
RESTARTS = {"end_stockade": 1, "kill_stockade": 1}
START, ADVANCE = 150, 750
# How many steps the runtime goes on while Stockade is away, at most.
STEPS_AWAY = 8
# A client that follows events, or a recording, is looked after when so many more steps have been taken.
STEPS_OF_CLIENT = 100


@dataclasses.dataclass
class Client:
    """A command that runs beside, and is looked after at a certain step. `life` and `file` are of a recording."""

    until: int
    process: subprocess.Popen
    launches: int
    life: Life | None = None
    file: pathlib.Path | None = None


class World:
    """All choices come from one seed. None of them depends on how long something takes."""

    def __init__(self, node: Node, seed: int, alive: int):
        self.node, self.limit = node, alive
        self.choice = random.Random(seed)
        self.lives: list[Life] = []
        self.extras = dict.fromkeys(profiles.LISTED, profiles.EXTRAS[0])
        self.clients: collections.deque[Client] = collections.deque()
        self.started, self.steps = 0, 0
        # How many containers had been started at each start of Stockade.
        self.launches: list[int] = []
        self.played = collections.Counter()
        for profile in profiles.LISTED:
            self.node.write(profile.name, profile.text(profiles.EXTRAS[0]))

    def begin(self) -> None:
        self.node.launch()
        self.connect()
        self.launches.append(self.started)

    def connect(self) -> None:
        listed = [life.pod for life in self.lives if life.is_listed]
        must(self.node.connect(listed), f"Stockade does not connect: {self.node.reason()}")

    # ---- what happens ----

    def step(self, *, may_end: bool) -> None:
        """One thing happens, whatever the weights say."""
        weights = {"start": START, "advance": ADVANCE} | RARE | (RESTARTS if may_end else {})
        action = self.choice.choices(list(weights), list(weights.values()))[0]
        if not self.lives or (action == "start" and len(self.lives) >= self.limit):
            action = "advance" if self.lives else "start"
        self.play(action)

    def play(self, action: str) -> None:
        self.steps += 1
        while self.clients and self.clients[0].until <= self.steps:
            self.end_client(self.clients.popleft())
        getattr(self, action)()
        if action not in ("start", "advance"):
            self.played[action] += 1

    def start(self, way: str | None = None) -> None:
        way = way or self.choice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        profile = self.choice.choice([*profiles.LISTED, profiles.NONE])
        self.lives.append(Life(way, profile, self.choice))
        self.started += 1
        self.played[f"container {way}"] += 1
        self.played[f"profile {self.lives[-1].profile.name}"] += 1

    def advance(self, life: Life | None = None) -> None:
        life = life or self.choice.choice(self.lives)
        self.played[life.advance(self.node)] += 1
        if life.is_over:
            self.lives.remove(life)

    def check(self) -> None:
        """What is claimed of one container, if anything is."""
        if claimed := [life for life in self.lives if life.is_claimed]:
            self.check_one(self.choice.choice(claimed))

    def check_one(self, life: Life) -> None:
        life.check()
        self.played["claim held"] += 1

    # ---- what commands ask ----

    def command(self, *words: str, status: int = 0) -> str:
        answer = self.node.command(*words)
        must(answer.returncode == status, f"stockade {' '.join(words)} ends with {answer.returncode} and says: "
                                          f"{answer.stdout}{answer.stderr}")
        return answer.stdout

    def ask_status(self) -> None:
        must(json.loads(self.command("status", "-o", "json"))["runtime"]["connected"], "the runtime is not connected")

    def ask_containers(self) -> None:
        """It lists each container that runs and has a profile."""
        listed = self.command("containers")
        for life in self.lives:
            if life.is_running and life.profile.name:
                must(f"{life.pod.id} " in listed, f"it does not list {life}:\n{listed}")

    def follow_events(self) -> None:
        self.client("events", "--follow")

    def write_profile(self) -> None:
        """Stockade notices by itself."""
        self.write(self.choice.choice(profiles.LISTED))

    def reload(self) -> None:
        self.write(self.choice.choice(profiles.LISTED))
        self.command("reload")

    def break_profile(self) -> None:
        """The old text stays in force."""
        profile = self.choice.choice(profiles.LISTED)
        self.node.write(profile.name, profile.broken_text)
        self.command("reload", status=1)
        self.check()
        self.write(profile)
        self.command("reload")

    def write(self, profile: profiles.Profile) -> None:
        first, second = profiles.EXTRAS
        self.extras[profile] = second if self.extras[profile] == first else first
        self.node.write(profile.name, profile.text(self.extras[profile]))

    def audit(self) -> None:
        """What is blocked passes for a while."""
        if not (life := self.one_running()):
            return
        words = ("audit", "container", life.pod.id, "--reason", "soak")
        self.command(*words, "--for", "1h")
        life.is_audited = True
        self.check_one(life)
        self.command(*words, "--end")
        life.is_audited = False
        self.check_one(life)

    def record(self) -> None:
        life = self.one_running()
        if life is None or any(client.life is life for client in self.clients):
            return
        file = FOLDER / f"recording-{self.steps}.json"
        client = self.client("record", "--container", life.pod.id, "--for", "1s", str(file))
        client.life, client.file = life, file
        line = client.process.stderr.readline()
        must("recording main" in line, f"the recording of {life} does not begin: {line}")

    def one_running(self) -> Life | None:
        """One under a profile that confines."""
        running = [life for life in self.lives if life.is_running and life.profile.confines]
        return self.choice.choice(running) if running else None

    # ---- commands that run beside ----

    def client(self, *words: str) -> Client:
        process = subprocess.Popen([self.node.binary, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        self.clients.append(Client(self.steps + STEPS_OF_CLIENT, process, len(self.launches)))
        return self.clients[-1]

    def end_client(self, client: Client) -> None:
        """Kills who follows events. A recording ends by itself."""
        if client.file is None:
            client.process.kill()
        _, said = client.process.communicate()
        # Stockade may have ended meanwhile.
        if client.file and client.launches == len(self.launches):
            must(client.process.returncode == 0, f"the recording of {client.life} fails: {said}")
            json.loads(client.file.read_text())
            client.file.unlink()
            self.played["recording written"] += 1

    # ---- Stockade goes, and comes again ----

    def connect_anew(self) -> None:
        """The runtime closes its connection. Events are lost until there is another one."""
        self.node.hang_up()
        self.go_on_alone()
        self.connect()

    def end_stockade(self) -> None:
        must(self.node.stop() == 0, f"SIGTERM does not end it with 0: {self.node.reason()}")
        self.come_back()

    def kill_stockade(self) -> None:
        self.node.kill()
        self.come_back()

    def come_back(self) -> None:
        self.check()
        self.go_on_alone()
        self.check()
        self.begin()

    def go_on_alone(self) -> None:
        for _ in range(self.choice.randint(0, STEPS_AWAY)):
            if self.lives and (len(self.lives) >= self.limit or self.choice.random() < 0.8):
                self.advance()
            else:
                self.start()

    # ---- everything, and nothing ----

    def warm_up(self) -> None:
        """Each way that a container goes, and each thing that happens beside them."""
        for action, way in zip((*RESTARTS, *RARE), itertools.cycle(WAYS)):
            self.start(way)
            while not self.one_running():
                self.play(self.choice.choice(["start", "advance"]) if self.lives else "start")
            self.play(action)
        self.end_all()
        self.started, self.launches = 0, []

    def end_all(self) -> None:
        """Each pod by its remaining steps, in a random order."""
        while self.lives:
            self.advance()
        while self.clients:
            self.end_client(self.clients.popleft())

    def start_over(self) -> None:
        """After something that was broken: what comes next must not suffer from it."""
        for client in self.clients:
            client.process.kill()
            client.process.wait()
        self.clients.clear()
        self.node.kill()
        self.lives.clear()
        container.end_all()
        self.begin()
