"""A Stockade of an earlier layout of pins is replaced by this one, while containers try what is denied.

Its name keeps it from the tests that need no older Stockade: `hack/test upgrade` runs it with `--old-plugin`.
"""

import contextlib
import os
import pathlib
import random
import threading
import time

import cri
import host
import leftovers
import ways
from case import PluginCase
from cri import api
from host import SCRATCH, unified, wait_until
from plugin import PINS
from profiles import ALLOWED, BLOCKED
from servers import Server

# Where there is one slow processor, others have to come by.
PAUSE = "/bin/busybox sleep 1" if host.patience > 1 else ":"
# Of the container's shell. Each try of what is denied is counted before it is made; what it prints shows that it ran.
# A script that ends says so, and why.
TRIES = f"""
name=$1 n=0
while [ ! -e /volume/stop ]; do
  n=$((n + 1)); echo $n >/volume/$name.tries
  /usr/bin/wc /usr/bin/script >>/volume/$name.ran
  /usr/bin/id -u >>/volume/$name.allowed
  /usr/bin/probe tcp 127.0.0.1 {BLOCKED} >/dev/null
  /usr/bin/probe udp 127.0.0.1 {BLOCKED} >/dev/null
  {PAUSE}
done
: >/volume/$name.over
"""
# Processes that leave the container, one after another, and try it then.
LEAVING = f"""
n=0
while [ ! -e /volume/stop ]; do
  n=$((n + 1)); echo $n >/volume/leaving.tries
  sh -c '{ways.MOVE} >>/volume/leaving.allowed
    /usr/bin/probe udp 127.0.0.1 {BLOCKED} >/dev/null
    /usr/bin/wc /usr/bin/script >>/volume/leaving.ran'
  {PAUSE}
done
: >/volume/leaving.over
"""
LOADS = ("inside", "outside", "leaving")
KILLS = int(os.environ.get("E2E_KILLS", "20"))
LOAD_SECONDS = 2
# From before it looks at the pins to after it has registered.
START_SECONDS = 0.8


class Load:
    """What goes on in and around a container, until it is ended."""

    def __init__(self, case: PluginCase, is_entered: bool = True):
        """`is_entered`: programs also come in from outside, for which the runtime has to be there all the time."""
        self.folder = SCRATCH / f"load-{time.monotonic_ns()}"
        self.folder.mkdir()
        for name, text in (("tries", TRIES), ("leaving", LEAVING)):
            (self.folder / f"{name}.sh").write_text(text)
        pod = case.profiled_pod("shop", pids=api.NODE, privileged=True)
        self.container = pod.run("probe", "sleep", mounts={"/volume": str(self.folder), "/cgroup": str(unified())})
        self.blocked, self.allowed = Server(BLOCKED), Server(ALLOWED)
        for server in (self.blocked, self.allowed):
            case.addCleanup(server.close)
        case.addCleanup(self.end)
        for command in ("sh /volume/tries.sh inside", f"{ways.MOVE}; sh /volume/tries.sh outside",
                        "sh /volume/leaving.sh"):
            self.container.exec("sh", "-c", f"/bin/busybox setsid sh -c '{command}' </dev/null >/dev/null 2>&1 &")
        # What comes into the container from outside.
        self.entered, self.entered_ran, self.problems = 0, 0, []
        self.thread = threading.Thread(target=self._enter, daemon=True)
        if is_entered:
            self.thread.start()
        wait_until("the load to begin", lambda: all(self.count(name, "tries") > 2 for name in LOADS))

    def _enter(self) -> None:
        while not self.is_over:
            self.entered += 1
            # At tier lsm the runtime is told that it may not.
            with contextlib.suppress(cri.Refused):
                self.entered_ran += "script" in self.container.exec("wc", "/usr/bin/script").out
            try:
                output = self.container.exec("probe", "tcp", "127.0.0.1", str(ALLOWED))
                if output.out != "echo: hello\n":
                    self.problems.append(f"what is allowed: {output}")
            except cri.Refused as refusal:
                self.problems.append(str(refusal))

    @property
    def is_over(self) -> bool:
        return (self.folder / "stop").exists()

    def count(self, name: str, what: str) -> int:
        """How often it was tried, or how many lines it printed."""
        path = self.folder / f"{name}.{what}"
        lines = path.read_text().split() if path.exists() else []
        if what == "tries":
            return int(lines[0]) if lines else 0
        return len(lines)

    def end(self) -> None:
        """Once: the scripts end by themselves, and say so."""
        if self.is_over:
            return
        (self.folder / "stop").touch()
        if self.thread.is_alive():
            self.thread.join(30 * host.patience)
        wait_until("the load to end", lambda: all((self.folder / f"{name}.over").exists() for name in LOADS), 30)

    def assert_held(self, case: PluginCase) -> None:
        """Ends it. Nothing denied was done in all that time, all that is allowed was, and the profile is in force."""
        self.end()
        tries = {name: self.count(name, "tries") for name in LOADS}
        case.assertEqual({name: self.count(name, "ran") for name in LOADS} | {"entered": self.entered_ran},
                         dict.fromkeys((*LOADS, "entered"), 0), "denied programs ran")
        case.assertEqual(self.blocked.visitors, 0, "what is denied was reached")
        case.assertEqual({name: self.count(name, "allowed") for name in LOADS}, tries, "what is allowed was not run")
        case.assertEqual(self.problems, [])
        print(f"0 denied execs ran of {sum(tries.values()) + self.entered}: {tries}, entered {self.entered} ", end="")
        case.assert_bound_to_shop(self.container)
        # Behind the gate that the old one closed.
        case.assert_bound_to_shop(self.container.pod.run("probe", "sleep", name="next"))


class Upgrade(PluginCase):
    launched = False

    @classmethod
    def install(cls):
        super().install()
        cls.new = cls.plugin.binary
        cls.plugin.binary = cls.old = pathlib.Path(os.environ["E2E_OLD_PLUGIN"])

    def setUp(self):
        self.plugin.stop()
        self.assertFalse(PINS.exists(), "the plugin before left pins")
        self.plugin.binary = self.old
        super().setUp()
        self.assertFalse((PINS / "layout_2").exists())
        ways.make_other_cgroup(self)
        self.load = Load(self)

    def take_over(self) -> None:
        self.plugin.binary = self.new
        self.plugin.start()
        # With the new one alone.
        time.sleep(LOAD_SECONDS * host.patience)

    def assert_new_layout(self) -> None:
        names = {path.name for path in PINS.iterdir()}
        self.assertIn("layout_2", names)
        self.assertNotIn("former", names)
        self.assertEqual(leftovers.value_bytes(PINS / "strays"), 16)
        self.assertIn("took over the pins of an earlier layout", self.plugin.messages())

    def test_containers_stay_bound_when_the_old_one_was_killed(self):
        self.plugin.kill()
        self.take_over()
        self.assert_new_layout()
        self.load.assert_held(self)

    def test_containers_stay_bound_when_the_old_one_was_stopped(self):
        self.plugin.stop()
        self.take_over()
        self.assert_new_layout()
        self.load.assert_held(self)

    def test_containers_stay_bound_when_the_take_over_is_killed_again_and_again(self):
        self.plugin.kill()
        self.plugin.binary = self.new
        cut_short = 0
        for attempt in range(KILLS):
            self.plugin.launch()
            time.sleep(START_SECONDS * host.patience * (attempt + random.random()) / KILLS)
            self.plugin.kill()
            cut_short += (PINS / "former").exists()
        self.assertGreater(cut_short, 0, "no kill came between the beginning and the end of a take-over")
        print(f"cut short {cut_short} times ", end="")
        self.take_over()
        self.assert_new_layout()
        self.load.assert_held(self)

    def test_the_old_one_does_not_touch_the_new_layout(self):
        self.plugin.kill()
        self.take_over()
        self.plugin.kill()
        before = leftovers.pins()
        self.plugin.binary = self.old
        self.plugin.start()
        self.assertIn("cannot use the pinned map", self.plugin.messages())
        self.assertEqual(leftovers.pins(), before)
        self.plugin.kill()
        self.take_over()
        self.load.assert_held(self)
