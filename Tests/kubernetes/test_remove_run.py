"""The script that makes a Job on each node, with a kubectl that writes down what it gets."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import yaml

import rendered

KUBECTL = """#!/bin/sh
case $1 in
  get) cat {folder}/daemonset ;;
  kustomize) exec "$KUSTOMIZE" build "$2" ;;
  apply | create) {{ echo "---"; echo "# $*"; cat; }} >>{folder}/made ;;
esac
"""


class RemoveRun(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "kubectl").write_text(KUBECTL.format(folder=self.folder))
        (self.folder / "kubectl").chmod(0o755)
        (self.folder / "daemonset").touch()

    def run_script(self, *nodes):
        return subprocess.run([rendered.FOLDER / "remove/run", *nodes], capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"})

    def test_each_node_gets_a_job_of_its_own(self):
        ended = self.run_script("node-a", "ip-10-0-0-1.example")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        text = (self.folder / "made").read_text()
        self.assertEqual([line for line in text.splitlines() if line.startswith("# ")],
                         ["# apply --filename -", "# create --filename -", "# create --filename -"])
        namespace, *jobs = rendered.documents(text)
        self.assertEqual(namespace["kind"], "Namespace")
        self.assertEqual([job["spec"]["template"]["spec"]["nodeName"] for job in jobs],
                         ["node-a", "ip-10-0-0-1.example"])
        for job in jobs:
            self.assertEqual(job["metadata"]["generateName"], "stockade-remove-")
            self.assertNotIn("name", job["metadata"])
            self.assertNotIn("NODE_NAME", yaml.safe_dump(job))

    def test_it_is_refused_while_the_daemonset_is_there(self):
        (self.folder / "daemonset").write_text("daemonset.apps/stockade\n")
        ended = self.run_script("node-a")
        self.assertEqual((ended.returncode, (self.folder / "made").exists()), (1, False))
        self.assertIn("would install Stockade again", ended.stderr)

    def test_a_name_that_is_none_makes_no_job_at_all(self):
        for names in ((), ("",), ("node-a", "a/b"), ("a;b",), ("NODE",)):
            with self.subTest(names):
                ended = self.run_script(*names)
                self.assertEqual((ended.returncode, (self.folder / "made").exists()), (1, False))
