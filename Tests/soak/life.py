"""What becomes of one pod, from its sandbox to its end: a list of steps, which are taken one at a time."""

import random

import profiles
from container import DENIED, Pod
from must import must
from node import Node
from session import Refused

CREATED, RUNNING = 1, 3
STARTS = ["RunPodSandbox", "CreateContainer", "StartContainer"]
ENDS = ["StopContainer", "RemoveContainer", "StopPodSandbox", "RemovePodSandbox"]
OF_SANDBOX = {"RunPodSandbox", "StopPodSandbox", "RemovePodSandbox"}
# The processes end; and the cgroups go, with what is left in them.
KILL, GONE = "kill", "gone"
# Of an event that Stockade is not told.
LOST = ", lost"


def inserted(what: str, steps: list[str], choice: random.Random, first: int) -> list[str]:
    """With one more step, anywhere from the place `first` on."""
    place = choice.randint(first, len(steps))
    return steps[:place] + [what] + steps[place:]


def lost(steps: list[str], choice: random.Random) -> list[str]:
    """Some of these events, one at least, do not reach Stockade."""
    certain = choice.choice(steps)
    return [step + LOST if step == certain or choice.random() < 0.5 else step for step in steps]


# Each way by its name, with the steps.
WAYS = {
    "ended in order": lambda choice: STARTS + inserted(GONE, [KILL, *ENDS], choice, 1),
    "stopped while its processes live": lambda choice: STARTS + inserted(GONE, ENDS, choice, 1),
    "gone before it was stopped": lambda _: [*STARTS, GONE, *ENDS],
    "ended, and events of that are lost": lambda choice: STARTS + inserted(GONE, lost(ENDS, choice), choice, 0),
    "started, and events of that are lost": lambda choice: lost(STARTS, choice) + inserted(GONE, ENDS, choice, 0),
    "removed before it was started": lambda choice: STARTS[:2] + inserted(GONE, ENDS[choice.randint(0, 1):], choice, 0),
    "refused": lambda choice: STARTS[:2] + inserted(GONE, ENDS[2:], choice, 0),
}
WEIGHTS = {
    "ended in order": 40, "stopped while its processes live": 15, "gone before it was stopped": 10,
    "ended, and events of that are lost": 15, "started, and events of that are lost": 5,
    "removed before it was started": 8, "refused": 7,
}


class Life:
    """One pod, and what is claimed of it."""

    def __init__(self, way: str, profile: profiles.Profile, choice: random.Random):
        self.way, self.profile = way, profiles.MISSING if way == "refused" else profile
        self.steps = WAYS[way](choice)
        self.pod = Pod(self.profile.name)
        self.pod.has_container = self.is_listed = False
        self.pod.container.state = CREATED
        # What Stockade was told. Of a pod whose start it does not know nothing is claimed.
        self.told: set[str] = set()
        self.has_missed = False
        self.is_audited = False

    @property
    def is_over(self) -> bool:
        return not self.steps

    @property
    def is_running(self) -> bool:
        """Known to Stockade, and between its start and whatever ends it."""
        awaits_stop = any(step.startswith("StopContainer") for step in self.steps)
        return self.is_claimed and awaits_stop

    def advance(self, node: Node) -> str:
        """Takes the next step, and returns it."""
        step = self.steps.pop(0)
        if step == KILL:
            self.pod.kill()
        elif step == GONE:
            self.pod.end()
            self.is_listed = False
        else:
            event = step.removesuffix(LOST)
            self.note(event)
            self.tell(event, node if event == step else None)
            if event == "StartContainer":
                self.pod.start()
        if self.pod.is_killed:
            self.pod.has_container = False
        return step

    def note(self, step: str) -> None:
        """What the runtime itself knows from then on."""
        if step in ("RunPodSandbox", "StopPodSandbox"):
            self.is_listed = step == "RunPodSandbox"
        if step in ("CreateContainer", "RemoveContainer"):
            self.pod.has_container = step == "CreateContainer" and self.way != "refused"
        if step == "StartContainer":
            self.pod.container.state = RUNNING

    def tell(self, step: str, node: Node | None) -> None:
        if node is None or node.session is None:
            self.has_missed |= step in STARTS
            return
        container = [] if step in OF_SANDBOX else [self.pod.container]
        try:
            node.session.event(step, self.pod.sandbox, *container)
        except Refused as error:
            must(self.way == "refused" and step == "CreateContainer", f"{step} is refused: {error}")
            must(profiles.MISSING.name in str(error), f"it is refused for another reason: {error}")
        else:
            must(self.way != "refused" or step != "CreateContainer", "a profile that is not there is not missed")
        self.told.add(step)

    @property
    def is_stopped(self) -> bool:
        """As far as Stockade was told, or may find out: the runtime does not list what was removed."""
        return bool(self.told & {"StopContainer", "RemoveContainer"}) or not self.pod.has_container

    @property
    def may_run_all(self) -> bool:
        return not self.profile.confines or self.is_audited

    @property
    def is_claimed(self) -> bool:
        """Nothing is claimed before the start: what runs in the node's own root then is a hook of the runtime. Nor is
        it said what runs in a container that has been stopped, if its profile denies nothing."""
        is_known = "StartContainer" in self.told and not self.has_missed
        return is_known and not self.pod.is_killed and not (self.is_stopped and self.may_run_all)

    def check(self) -> None:
        if self.may_run_all:
            must(self.pod.run(DENIED), f"{self}: a program does not run that nothing forbids")
            return
        must(self.pod.is_confined, f"{self}: a denied program ran")
        must(self.is_stopped or self.pod.is_open, f"{self}: an allowed program does not run")

    def __str__(self) -> str:
        return f"{self.pod.id} under {self.profile.name}, to be {self.way}, told of {sorted(self.told)}"
