"""Not run by default: a node at work, watched by Prometheus, for the picture in docs/monitoring.md.

    E2E_DASHBOARD=FILE Tests/e2e/run ... dashboard    # hack/document-dashboard

FILE gets, as JSON, what Prometheus answers to each query of config/monitoring/dashboard.json.
"""

import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import plugin
from case import PluginCase
from host import SCRATCH, wait_until

DASHBOARD = pathlib.Path(__file__).resolve().parents[2] / "config/monitoring/dashboard.json"
STOCKADE, PROMETHEUS = "127.0.0.1:19487", "127.0.0.1:19490"
SCRAPES = f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: stockade
  static_configs: [{{targets: ["{STOCKADE}"]}}]
"""
WORK_SECONDS = 120
RATE_SECONDS = 10
START_SECONDS = 60


def ask(path: str, **parameters: str):
    with urllib.request.urlopen(f"http://{PROMETHEUS}/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as said:
        return json.load(said)["data"]["result"]


def is_ready() -> bool:
    try:
        return urllib.request.urlopen(f"http://{PROMETHEUS}/-/ready", timeout=5).status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


class Dashboard(PluginCase):
    launched = False

    @classmethod
    def setUpClass(cls):
        cls.usual = plugin.CONFIG
        plugin.CONFIG += f"metrics: {{listen: '{STOCKADE}'}}\n"
        cls.addClassCleanup(setattr, plugin, "CONFIG", cls.usual)
        super().setUpClass()

    def setUp(self):
        super().setUp()
        folder = SCRATCH / "prometheus"
        folder.mkdir()
        (folder / "prometheus.yml").write_text(SCRAPES)
        self.prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={PROMETHEUS}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)  # fmt: skip
        self.addCleanup(self.prometheus.wait)
        self.addCleanup(self.prometheus.terminate)
        wait_until("Prometheus", is_ready, START_SECONDS)

    def work(self) -> None:
        """Containers come and go, do what is denied and what is audited, and profiles are read anew."""
        resident = [self.profiled_pod(name).run("probe", "sleep") for name in ("no-id", "audited", "shop")]
        begun, rounds = time.monotonic(), 0
        while time.monotonic() - begun < WORK_SECONDS:
            rounds += 1
            for container in resident:
                container.exec("sh", "-c", "for i in 1 2 3; do /usr/bin/id; done; true")
            pod = self.profiled_pod("no-id")
            pod.run("probe", "sleep").exec("sh", "-c", "/usr/bin/id; true")
            pod.remove()
            if rounds % 10 == 0:
                subprocess.run([os.environ["E2E_PLUGIN"], "reload"], stdin=subprocess.DEVNULL, capture_output=True,
                               timeout=60, check=True)  # fmt: skip

    def test_each_query_of_the_dashboard_is_answered(self):
        begun = time.time()
        self.work()
        ended = time.time()
        answers = {}
        for panel in json.loads(DASHBOARD.read_text())["panels"]:
            for number, target in enumerate(panel.get("targets", [])):
                query = target["expr"].replace("$job", ".*").replace("$instance", ".*")
                query = query.replace("$__rate_interval", f"{RATE_SECONDS}s")
                answers[f"{panel['title']}/{number}"] = ask(
                    "api/v1/query_range", query=query, start=str(begun), end=str(ended), step="1")
        for title in ("Protected/0", "Blocked/0", "Audited/0", "Containers by profile/0", "Calls/0", "Memory/0"):
            self.assertTrue(answers[title], title)
        series = int(ask("api/v1/query", query='count({job="stockade"})')[0]["value"][1])
        result = {"begun": begun, "seconds": ended - begun, "runtime": self.runtime.version, "series": series,
                  "answers": answers}  # fmt: skip
        pathlib.Path(os.environ["E2E_DASHBOARD"]).write_text(json.dumps(result))
