"""Metrics and health, as a collector reads them; and that in a storm all numbers agree."""

import json
import os
import pathlib
import re
import socket
import subprocess

import host
import plugin
from case import PluginCase
from control_client import Client
from host import wait_until

SOCKET = pathlib.Path("/run/stockade/metrics.sock")
STORM_SECONDS = 30
STORM_COUNT = 3000
# Each round is one exec that the profile denies.
STORM = f"i=0; while [ $i -lt {STORM_COUNT} ]; do /usr/bin/id; i=$((i + 1)); done 2>/dev/null; true"


def get(path: str) -> tuple[int, str]:
    """Status and body."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20 * host.patience)
        client.connect(str(SOCKET))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: node\r\n\r\n".encode())
        answer = b""
        while part := client.recv(65536):
            answer += part
    head, _, body = answer.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


def metrics() -> dict[str, float]:
    """By name and labels, as they are written."""
    lines = get("/metrics")[1].splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def total(name: str, found: dict[str, float], **labels: str) -> int:
    """The sum of the series that have those labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return int(sum(value for series, value in found.items()
                   if re.split("[{]", series)[0] == name and all(word in series for word in wanted)))  # fmt: skip


class Metrics(PluginCase):
    launched = False

    @classmethod
    def setUpClass(cls):
        cls.usual = plugin.CONFIG
        plugin.CONFIG += f'metrics: {{listen: "unix://{SOCKET}"}}\n'
        cls.addClassCleanup(setattr, plugin, "CONFIG", cls.usual)
        super().setUpClass()

    def test_a_node_is_well_and_ready_and_promtool_finds_nothing_wrong(self):
        self.assertEqual(get("/healthz"), (200, "ok\n"))
        self.assertEqual(get("/readyz"), (200, "ok\n"))
        status, text = get("/metrics")
        self.assertEqual(status, 200)
        done = subprocess.run(["promtool", "check", "metrics"], input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)  # fmt: skip
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertEqual(SOCKET.stat().st_mode & 0o777, 0o600)

    def test_a_storm_has_the_same_numbers_in_events_metrics_and_api(self):
        container = self.profiled_pod("no-id").run("probe", "sleep")
        before, lines = metrics(), len(self.plugin.events())
        container.exec("sh", "-c", STORM)

        def decided(found: dict[str, float]) -> int:
            return total("stockade_decisions_total", found, section="process", action="Block")

        def lost(found: dict[str, float]) -> int:
            names = ("eventsDroppedRate", "eventsDroppedFull")
            return sum(total("stockade_kernel_losses_total", found, reason=name) for name in names)

        wait_until("all decisions to be counted", lambda: decided(now := metrics()) + lost(now)
                   >= decided(before) + lost(before) + STORM_COUNT, STORM_SECONDS)  # fmt: skip

        def told() -> tuple[int, int]:
            new = self.plugin.events()[lines:]
            denied = sum(event["kind"] == "exec" and event["action"] == "Block" for event in new)
            dropped = [event["counts"] for event in new if event["kind"] == "dropped"]
            return denied, sum(counts.get(name, 0) for counts in dropped
                               for name in ("eventsDroppedRate", "eventsDroppedFull"))  # fmt: skip

        after = metrics()
        expected = (decided(after) - decided(before), lost(after) - lost(before))
        wait_until(f"the events to tell {expected}", lambda: told() == expected, STORM_SECONDS)
        self.assertEqual(sum(expected), STORM_COUNT)
        self.assertGreater(expected[1], 0, "no storm")
        with Client() as client:
            losses = {count.name: count.count for count in client.status().losses}
        self.assertEqual(sum(losses[name] for name in ("eventsDroppedRate", "eventsDroppedFull")), lost(after))
        status = subprocess.run([os.environ["E2E_PLUGIN"], "status", "-o", "json"], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, text=True, timeout=60, check=False).stdout  # fmt: skip
        self.assertEqual(json.loads(status)["losses"], losses)
        self.assertEqual(total("stockade_events_unwritten_total", after), 0)
