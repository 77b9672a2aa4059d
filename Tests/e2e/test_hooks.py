"""Hooks of the runtime that change their root into the container's, as the CDI specifications of devices bring them."""

import json
import pathlib
import subprocess

from case import PluginCase
from cri import Refused
from host import SCRATCH, wait_until

ATTACKS = pathlib.Path(__file__).parents[1] / "attacks"
PROGRAMS = SCRATCH / "hooks"
HOOK, RAN = PROGRAMS / "attack", PROGRAMS / "ran"
SPECIFICATION = pathlib.Path("/etc/cdi/stockade.test-hook.json")
KIND = "stockade.test/hook"
# What the hook of each device does, as Tests/attacks/program/hooks.c has it. It writes the outcome to /hook-1.
ACTS = {
    "sealed": f"hook-memfd pivot {RAN} sealed",
    "image": "hook-named pivot /usr/bin/id",
    "left": "hook-leave 100",
}


def compile_c(target, *sources):
    command = ["cc", "-static", "-pthread", "-O1", "-D_GNU_SOURCE", "-DSTATUS=42", "-o", target, *sources]
    subprocess.run(command, check=True)


def device(name: str, act: str) -> dict:
    arguments = [HOOK.name, "hook", "1", *act.split()]
    hook = {"hookName": "createContainer", "path": str(HOOK), "args": arguments}
    return {"name": name, "containerEdits": {"hooks": [hook]}}


class Hooks(PluginCase):
    @classmethod
    def install(cls):
        super().install()
        PROGRAMS.mkdir(exist_ok=True)
        compile_c(HOOK, *sorted((ATTACKS / "program").glob("*.c")))
        compile_c(RAN, ATTACKS / "image/ran.c")
        SPECIFICATION.parent.mkdir(exist_ok=True)
        devices = [device(name, act) for name, act in ACTS.items()]
        SPECIFICATION.write_text(json.dumps({"cdiVersion": "0.5.0", "kind": KIND, "devices": devices}))
        cls.addClassCleanup(SPECIFICATION.unlink)

    def setUp(self):
        super().setUp()
        if self.runtime.release < (2, 0):
            self.skipTest("this containerd takes no CDI devices unless it is told to")

    def create(self, name: str):
        return self.profiled_pod("shop").create("probe", "sleep", devices=[f"{KIND}={name}"])

    def test_a_hook_that_executes_a_sealed_memfd_in_the_containers_root_keeps_no_pod_from_starting(self):
        container = self.create("sealed").start()
        self.assert_runs(container, "cat", "/hook-1", prints="1 allowed\n")
        self.assert_bound_to_shop(container)

    def test_a_program_of_the_image_in_a_hooks_hands_is_refused_and_told_with_the_hook(self):
        container = self.create("image").start()
        self.assertRegex(container.exec("cat", "/hook-1").out, "^1 (killed|denied EACCES)\n$")

        def told():
            return [event["process"] for event in self.plugin.events() if event.get("reason") == "notOpen"]

        process = wait_until("the event", told)[-1]
        self.assertEqual((process["path"], process["hook"]), ("/usr/bin/id", str(HOOK)))

    def test_a_container_in_which_a_hook_left_a_process_does_not_start(self):
        container = self.create("left")
        with self.assertRaisesRegex(Refused, r"left in the container's cgroup by a hook .* process \d+ \(attack\)"):
            container.start()
