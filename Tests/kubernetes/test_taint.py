"""The script that takes the node's taint away, against an HTTPS server that stands for the API server."""

import http.server
import json
import os
import pathlib
import ssl
import subprocess
import tempfile
import threading
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent.parent / "config/kubernetes/node/remove-taint"
TAINT = {"key": "stockade.dev/not-ready", "effect": "NoSchedule"}
OTHER = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "timeAdded": "2026-01-01T00:00:00Z"}
NAMED_LIKE_IT = {"key": "stockade.dev/not-ready-yet", "effect": "NoSchedule"}
SECONDS_MAX = 30


class Server:
    """Has one node, and notes what it is asked. `answers` are given before it looks at the node, the first first."""

    def __init__(self, folder: pathlib.Path, taints, answers=()):
        self.node = {"kind": "Node", "metadata": {"name": "a", "resourceVersion": "7"}, "spec": {"taints": taints}}
        self.answers = list(answers)
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer({})

            def do_PATCH(self):
                self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def answer(self, patch):
                outer.asked.append((self.command, self.path, self.headers["Authorization"],
                                    self.headers.get("Content-Type"), patch))
                status, body = outer.answers.pop(0) if outer.answers else (200, None)
                if body is None and status == 200 and patch:
                    outer.node["spec"].update(patch["spec"])
                body = json.dumps(outer.node) if body is None else body
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "https://127.0.0.1:1/")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.http = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "ca.crt", folder / "key.pem")
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def make_certificate(folder: pathlib.Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem",
         "-out", folder / "ca.crt"], check=True, capture_output=True)


def status_object(text):
    return json.dumps({"kind": "Status", "message": text})


class RemoveTaint(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        make_certificate(self.folder)
        (self.folder / "token").write_text("secret-token\n")
        (self.folder / "protected").touch()

    def serve(self, taints, answers=()):
        server = Server(self.folder, taints, answers)
        self.addCleanup(server.close)
        return server

    def run_script(self, server, **environment):
        return subprocess.run(
            [SCRIPT, "--once"], capture_output=True, text=True, check=False, timeout=SECONDS_MAX,
            env={"PATH": os.environ["PATH"], "NODE_NAME": "a", "CREDENTIALS": str(self.folder), "POLL_SECONDS": "0.1",
                 "PROTECTED_FILE": str(self.folder / "protected"), "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                 "KUBERNETES_SERVICE_PORT_HTTPS": str(server.http.server_port) if server else "1", **environment})

    def succeeds(self, server, said):
        ended = self.run_script(server)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertIn(said, ended.stdout)

    def fails(self, server, said, **environment):
        ended = self.run_script(server, **environment)
        self.assertEqual(ended.returncode, 1, ended.stdout)
        self.assertIn(said, ended.stderr)
        self.assertNotIn("secret-token", ended.stderr + ended.stdout)

    def test_the_taint_goes_and_the_others_stay(self):
        server = self.serve([OTHER, TAINT, NAMED_LIKE_IT])
        self.succeeds(server, "took the taint")
        self.assertEqual(server.node["spec"]["taints"], [OTHER, NAMED_LIKE_IT])
        get, patch = server.asked
        self.assertEqual(get[:3], ("GET", "/api/v1/nodes/a", "Bearer secret-token"))
        self.assertEqual(patch[:4], ("PATCH", "/api/v1/nodes/a", "Bearer secret-token",
                                     "application/merge-patch+json"))
        self.assertEqual(patch[4], {"metadata": {"resourceVersion": "7"},
                                    "spec": {"taints": [OTHER, NAMED_LIKE_IT]}})

    def test_the_only_taint_goes(self):
        server = self.serve([TAINT])
        self.succeeds(server, "took the taint")
        self.assertEqual(server.node["spec"]["taints"], [])

    def test_both_effects_of_the_taint_go(self):
        server = self.serve([TAINT, {**TAINT, "effect": "NoExecute"}])
        self.succeeds(server, "took the taint")
        self.assertEqual(server.node["spec"]["taints"], [])

    def test_nothing_is_changed_where_the_taint_is_not(self):
        for taints in ([], None, [OTHER], [NAMED_LIKE_IT]):
            server = self.serve(taints)
            self.succeeds(server, "has no taint")
            self.assertEqual([asked[0] for asked in server.asked], ["GET"])

    def test_a_node_without_the_key_has_no_taint(self):
        server = self.serve(None)
        del server.node["spec"]["taints"]
        self.succeeds(server, "has no taint")

    def test_a_change_by_others_is_read_again(self):
        server = self.serve([TAINT], [(200, None), (409, status_object("was modified"))])
        self.succeeds(server, "took the taint")
        self.assertEqual([asked[0] for asked in server.asked], ["GET", "PATCH", "GET", "PATCH"])

    def test_changes_without_end_fail(self):
        server = self.serve([TAINT], [(200, None), (409, "{}")] * 5)
        self.fails(server, "changed by others")
        self.assertEqual(len(server.asked), 10)

    def test_refusals_say_what_the_server_said(self):
        for answers, said in (
                ([(403, status_object("no rights"))], "refuses to read the node: no rights"),
                ([(200, None), (403, status_object("a policy"))], "refuses to change the node: a policy"),
                ([(401, status_object("Unauthorized"))], "does not know the pod's token"),
                ([(404, status_object("not found"))], "there is no node a"),
                ([(500, "no json")], "answered 500 when asked to read the node"),
                ([(200, None), (422, status_object("invalid"))], "answered 422 when asked to change the node: invalid"),
                ([(301, "")], "answered 301")):
            with self.subTest(said):
                self.fails(self.serve([TAINT], answers), said)

    def test_an_answer_that_is_no_node_changes_nothing(self):
        for body in ("", "no json", "[]", "{}", '{"kind": "Status"}', json.dumps({"kind": "Node", "spec": {
                "taints": [TAINT]}})):
            with self.subTest(body):
                server = self.serve([TAINT], [(200, body)])
                self.fails(server, "the API server's answer")
                self.assertEqual(len(server.asked), 1)

    def test_a_server_with_another_certificate_gets_no_token(self):
        server = self.serve([TAINT])
        make_certificate(self.folder)
        self.fails(server, "cannot reach the API server")
        self.assertEqual(server.asked, [])

    def test_no_server(self):
        self.fails(None, "cannot reach the API server")

    def test_a_name_that_is_none_is_not_asked_for(self):
        server = self.serve([TAINT])
        for name in ("", "..", "a/../b", "a?x", "-a", "A", "a b"):
            with self.subTest(name):
                self.fails(server, "is no node's name", NODE_NAME=name)
        self.assertEqual(server.asked, [])

    def test_no_token(self):
        server = self.serve([TAINT])
        (self.folder / "token").unlink()
        self.fails(server, "cannot read")

    def test_it_waits_until_the_node_is_protected(self):
        server = self.serve([TAINT])
        (self.folder / "protected").unlink()
        naps = self.folder / "naps"
        # A sleep that makes the node protected at the third try, and fails where the server was asked before.
        programs = self.folder / "bin"
        programs.mkdir()
        (programs / "sleep").write_text(f"#!/bin/sh\necho >>{naps}\n[ $(wc -l <{naps}) -lt 3 ] || "
                                        f"touch {self.folder}/protected\n")
        (programs / "sleep").chmod(0o755)
        ended = self.run_script(server, PATH=f"{programs}:{os.environ['PATH']}")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(naps.read_text().count("\n"), 3)
        self.assertEqual(server.node["spec"]["taints"], [])
