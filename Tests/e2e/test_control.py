"""The control API, as a client in Python and the commands use it, and who may not."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import grpc

import control_client
import host
import image
from case import PluginCase
from control_client import SOCKET, Client, api
from host import SCRATCH, wait_until

STREAMS = 100
# One process may have so many connections.
CONNECTIONS = 8
DENIED = ("wc", "/etc/passwd")
# What 100 streams that nobody reads may add to Stockade's memory.
UNREAD_MIB = 24


def memory_of(pid: int) -> float:
    """Resident, in MiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no memory")


class Control(PluginCase):
    """An external plugin, for which the socket is the same as for one that is launched."""

    launched = False

    def stockade(self, *words: str, status: int = 0) -> str:
        """What a command prints."""
        done = subprocess.run([os.environ["E2E_PLUGIN"], *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)  # fmt: skip
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def denied(self, container, times: int = 1) -> None:
        for _ in range(times):
            self.assert_denied(container, *DENIED)

    # ---- what is told ----

    def test_the_status_is_the_same_by_the_command_and_by_the_api(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        status = json.loads(self.stockade("status", "-o", "json"))
        self.assertIn({"profile": "shop", "state": "open", "count": 1}, status["containers"])
        with Client() as client:
            answer = client.status()
            listed = client.call("ListContainers", api.ListContainersRequest()).containers
            found = client.call("GetContainer", api.GetContainerRequest(id=container.id[:13]))
            profiles = client.call("ListProfiles", api.ListProfilesRequest()).profiles
        self.assertEqual((answer.is_protected, list(answer.problems)), (status["protected"], status["problems"]))
        self.assertTrue(answer.is_protected, answer.problems)
        self.assertTrue(answer.runtime.is_connected)
        self.assertEqual(answer.instance, status["instance"])
        self.assertEqual([each.id for each in listed], [container.id])
        self.assertEqual((found.container.name, found.container.cgroup_id), ("app", container.cgroup_id))
        self.assertEqual({each.name: each.containers for each in profiles}["shop"], 1)
        self.assertRegex(self.stockade("status"), "^protected +yes\n")
        self.assertIn(container.id[:13], self.stockade("containers"))
        self.assertIn(f"id            {container.id}\n", self.stockade("containers", container.id[:13]))
        self.stockade("containers", "0" * 64, status=1)

    def test_a_broken_profile_is_told_by_reload_and_by_status(self):
        self.assertEqual(self.stockade("reload"), "no profile has changed\n")
        broken = control_client.PROFILES / "broken.yaml"
        broken.write_text("kind: SecurityProfile\n")
        try:
            self.assertIn("broken.yaml", self.stockade("reload", status=1))
            self.assertRegex(self.stockade("status", status=1), "(?m)^protected +NO\n.*broken.yaml")
        finally:
            broken.unlink()
        self.stockade("reload")
        self.stockade("status")

    def explained(self, container, *words: str, status: int = 0) -> dict:
        command = ("profile", "explain", "--container", container.id, "-o", "json")
        return json.loads(self.stockade(*command, *words, status=status))

    def test_what_is_explained_is_what_happens(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        program = "/usr/bin/wc"
        self.denied(container)
        denied = self.explained(container, "exec", program, status=1)
        self.assertEqual((denied["profile"], denied["verdict"]), ("shop", "Block"))
        with Client() as client:
            ask = lambda *words: client.call(  # noqa: E731
                "Explain", api.ExplainRequest(container_id=container.id[:13], operation=words))
            self.assertTrue(ask("exec", program).is_stopped)
            self.assertEqual(ask("exec", program).steps[0].decider.rule, denied["steps"][0]["decider"])
            allowed = ask("exec", "/usr/bin/id")
            self.assertFalse(allowed.is_stopped)
            self.assertEqual(allowed.steps[0].decider.rule, "process.rules[1] Allow /usr/bin/id")
            self.assertRegex(allowed.steps[0].decider.file, "shop.yaml$")
            self.assertGreater(allowed.steps[0].decider.line, 0)
            with self.assertRaises(grpc.RpcError) as raised:
                ask("exce")
            self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        # A temporary audit counts.
        self.stockade("audit", "container", container.id, "--for", "60s", "--reason", "test")
        audited = self.explained(container, "exec", program)
        self.assertEqual((audited["verdict"], audited["stopped"]), ("Audit", False))

    # ---- recordings ----

    def recording(self, container, *acts: list[str], options: tuple = (), end=None) -> dict:
        """What `stockade record` writes of a container that does these acts meanwhile."""
        file = SCRATCH / "recording.json"
        command = [os.environ["E2E_PLUGIN"], "record", *options, "--container", container.id[:13]]
        command += ["--for", "60s", str(file)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as recorder:
            self.assertEqual(recorder.stderr.readline(), "stockade record: recording app\n")
            for act in acts:
                container.exec(*act)
            if end:
                end()
            else:
                recorder.send_signal(signal.SIGINT)
            self.assertEqual(recorder.wait(timeout=60), 0, recorder.stderr.read())
        found = json.loads(file.read_text(encoding="utf-8"))
        file.unlink()
        return found

    def test_what_a_container_does_is_recorded_and_enforcement_stays_the_same(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.denied(container)
        found = self.recording(container, *[["id"]] * 3, list(DENIED))
        text = json.dumps(found)
        self.assertIn("/usr/bin/id", text)
        self.assertNotIn("/usr/bin/wc", text)
        # What is recorded alone is no event, and what is denied stays one.
        printed = self.stockade("events", "--container", container.id, "-o", "json", "--last", "512")
        records = [record for record in map(json.loads, printed.splitlines()) if record["kind"] != "dropped"]
        kinds = [(record["kind"], record["action"]) for record in records]
        self.assertEqual(kinds, [("exec", "Block")] * 2)
        self.denied(container)
        self.assertIn(f"id            {container.id}\n", self.stockade("containers", container.id[:13]))

    def test_arguments_are_recorded_if_somebody_asks(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        acts = [["id", "-u"], ["id", "-g"], ["id", "-u"]]
        found = self.recording(container, *acts, options=("--arguments",))
        facts = [fact for fact in found["execs"] if fact["path"] == "/usr/bin/id"]
        counts = {tuple(fact["arguments"][1:]): fact["count"] for fact in facts}
        self.assertEqual(counts, {("-u",): 2, ("-g",): 1})
        self.assertNotIn("arguments", json.dumps(self.recording(container, *acts)["execs"]))

    def test_a_recording_is_written_when_its_container_ends_and_a_killed_stockade_leaves_none(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.assertIn("/usr/bin/id", json.dumps(self.recording(container, ["id"], end=container.stop)))
        other = self.profiled_pod("shop").run("probe", "sleep")
        command = [os.environ["E2E_PLUGIN"], "record", "--container", other.id, str(SCRATCH / "none.json")]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as recorder:
            recorder.stderr.readline()
            self.plugin.kill()
            self.assertEqual(recorder.wait(timeout=60), 1)
        self.assertFalse((SCRATCH / "none.json").exists())
        self.replace_plugin()
        self.denied(other)
        other.exec("id")
        printed = self.stockade("events", "--container", other.id, "-o", "json", "--last", "512")
        self.assertEqual([json.loads(line)["action"] for line in printed.splitlines()], ["Block"])

    # ---- events ----

    def test_a_stream_has_what_is_denied_and_goes_on_where_a_client_left(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        other = self.profiled_pod("no-id").run("probe", "sleep")
        mine = api.EventFilter(containers=[container.id], actions=["Block"])
        with Client() as client:
            stream = client.watch(seconds=60, filter=mine)
            begin = next(stream).begin
            self.assertEqual(begin.instance, client.status().instance)
            self.assert_denied(other, "id")
            self.denied(container, 2)
            first, second = next(stream).event, next(stream).event
            stream.cancel()
            self.assertEqual((first.section, first.kind, first.container_id), ("process", "exec", container.id))
            record = json.loads(first.record)
            self.assertEqual((record["kind"], record["pod"]["name"]), ("exec", first.pod_name))
            # What came meanwhile is not lost, and nothing comes twice.
            self.denied(container)
            again = client.watch(seconds=60, filter=mine, after=first.position)
            items = [next(again) for _ in range(3)]
            self.assertEqual([item.WhichOneof("item") for item in items], ["begin", "event", "event"])
            self.assertEqual(items[1].event.position, second.position)
            again.cancel()
            # A position of another Stockade's says nothing here.
            foreign = api.Position(instance="another", number=3)
            lost = [item.lost for item in client.watch(seconds=60, after=foreign, past_only=True)
                    if item.WhichOneof("item") == "lost"]  # fmt: skip
            told = [(each.count, each.reason) for each in lost]
            self.assertEqual(told, [(0, "Stockade has started anew since then")])
        printed = self.stockade("events", "--container", container.id, "-o", "json", "--last", "512")
        self.assertEqual([json.loads(line)["kind"] for line in printed.splitlines()], ["exec"] * 3)

    def test_events_follow_goes_on_after_a_restart(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        command = [os.environ["E2E_PLUGIN"], "events", "--follow", "--last", "0"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as follower:
            lines: list[str] = []
            reader = threading.Thread(target=lambda: lines.extend(iter(follower.stdout.readline, "")))
            reader.start()
            time.sleep(1)
            self.denied(container)
            wait_until("an event", lambda: len(lines) == 1)
            self.assertIn("exec /usr/bin/wc (wc /etc/passwd)", lines[0])
            self.plugin.kill()
            self.replace_plugin()
            self.denied(container)
            wait_until("another one", lambda: len(lines) == 2)
            follower.send_signal(signal.SIGINT)
            reader.join()

    def test_losses_are_the_same_in_the_file_and_in_the_stream(self):
        container = self.profiled_pod("no-id").run("probe", "sleep")
        before = len(self.plugin.events())
        with Client() as client:
            stream = client.watch(seconds=120, filter=api.EventFilter(containers=[container.id]))
            next(stream)
            got: list[api.Event] = []
            reader = threading.Thread(target=lambda: got.extend(self.taken(stream)))
            reader.start()
            started = {each.name: each.count for each in client.status().losses}
            self.do_what_is_denied(container)
            self.assert_denied(container, "id")
            time.sleep(3)
            ended = {each.name: each.count for each in client.status().losses}
            stream.cancel()
            reader.join()
        written = self.plugin.events()[before:]
        lost = sum(each["counts"].get("eventsDroppedRate", 0) for each in written if each["kind"] == "dropped")
        told = sum(json.loads(event.record)["counts"].get("eventsDroppedRate", 0)
                   for event in got if event.kind == "dropped")  # fmt: skip
        self.assertGreater(lost, 0)
        self.assertEqual(lost, told)
        self.assertEqual(lost, ended["eventsDroppedRate"] - started["eventsDroppedRate"])
        execs = [each for each in written if each["kind"] == "exec"]
        self.assertEqual(len(execs), len([event for event in got if event.kind == "exec"]))
        self.assertEqual(len(execs) + lost, 1501)

    @staticmethod
    def taken(stream):
        """The events of a stream until it is ended."""
        try:
            for item in stream:
                if item.WhichOneof("item") == "event":
                    yield item.event
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.CANCELLED:
                raise

    # ---- temporary audits ----

    def test_an_audit_lets_pass_and_ends_by_itself(self):
        container = self.profiled_pod("shop").run("probe", "sleep")
        self.denied(container)
        printed = self.stockade("audit", "container", container.id, "--for", "6s", "--reason", "a test")
        self.assertIn("seccomp does not change", printed)
        self.assert_runs(container, "wc", "-c", "/etc/hostname", prints=container.exec("wc", "-c", "/etc/hostname").out)
        self.assertRegex(self.stockade("status", status=1), f"(?m)^audits +container {container.id} until .*: a test")
        wait_until("the audit's end", lambda: json.loads(self.stockade_status())["audits"] == [], 20)
        self.denied(container)
        # The sweep tells it.
        acts = lambda: [each["act"] for each in self.plugin.events() if each["kind"] == "audit"]  # noqa: E731
        wait_until("the record of the end", lambda: acts()[-2:] == ["began", "ended"], 20)

    def stockade_status(self) -> str:
        done = subprocess.run([os.environ["E2E_PLUGIN"], "status", "-o", "json"], stdout=subprocess.PIPE, check=False)
        return done.stdout.decode()

    def test_no_audit_of_what_a_required_binding_chose(self):
        pod = self.pod(namespace="locked")
        container = pod.run("probe", "sleep")
        said = self.stockade("audit", "container", container.id, "--for", "5s", "--reason", "a test", status=1)
        self.assertIn("required: true", said)
        with Client() as client, self.assertRaises(grpc.RpcError) as raised:
            request = api.SetAuditRequest(pod=f"locked/{pod.config.metadata.name}", seconds=4000, reason="a test")
            client.call("SetAudit", request)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)
        wait_until("the record of both refusals", lambda: len(self.refused_audits()) >= 2)
        caller = self.refused_audits()[-1]["caller"]
        self.assertEqual((caller["uid"], caller["pid"]), (0, os.getpid()))

    def refused_audits(self) -> list[dict]:
        return [each for each in self.plugin.events() if each["kind"] == "audit" and each["act"] == "refused"]

    # ---- gRPC ----

    def test_health_and_reflection_answer_their_usual_clients(self):
        health, reflection = control_client.usual_clients(self)
        with Client() as client:
            stub = health.pb2_grpc.HealthStub(client.channel)
            services = ["", control_client.INSPECTION, control_client.ADMINISTRATION]
            for service in services:
                answer = stub.Check(health.pb2.HealthCheckRequest(service=service), timeout=20)
                self.assertEqual(answer.status, health.pb2.HealthCheckResponse.SERVING)
            with self.assertRaises(grpc.RpcError) as raised:
                stub.Check(health.pb2.HealthCheckRequest(service="nothing"), timeout=20)
            self.assertEqual(raised.exception.code(), grpc.StatusCode.NOT_FOUND)
            watched = stub.Watch(health.pb2.HealthCheckRequest(service="nothing"), timeout=20)
            self.assertEqual(next(watched).status, health.pb2.HealthCheckResponse.SERVICE_UNKNOWN)
            watched.cancel()
            ask = reflection.pb2_grpc.ServerReflectionStub(client.channel).ServerReflectionInfo
            requests = [reflection.pb2.ServerReflectionRequest(list_services="")] + [
                reflection.pb2.ServerReflectionRequest(file_containing_symbol=name)
                for name in (control_client.INSPECTION, f"{control_client.ADMINISTRATION}.Reload", "no.such.Thing")
            ]
            answers = list(ask(iter(requests), timeout=20))
        names = {each.name for each in answers[0].list_services_response.service}
        expected = {control_client.INSPECTION, control_client.ADMINISTRATION, "grpc.health.v1.Health"}
        expected |= {f"grpc.reflection.{version}.ServerReflection" for version in ("v1", "v1alpha")}
        self.assertEqual(names, expected)
        for answer in answers[1:3]:
            self.assertEqual(len(answer.file_descriptor_response.file_descriptor_proto), 1)
        self.assertEqual(answers[3].error_response.error_code, grpc.StatusCode.NOT_FOUND.value[0])

    def test_a_client_that_asks_wrongly_is_told_so(self):
        with Client() as client:
            for method, request, code in (
                ("GetContainer", api.GetContainerRequest(), grpc.StatusCode.INVALID_ARGUMENT),
                ("GetContainer", api.GetContainerRequest(id="0" * 64), grpc.StatusCode.NOT_FOUND),
                ("ListContainers", api.ListContainersRequest(page_size=1001), grpc.StatusCode.INVALID_ARGUMENT),
                ("SetAudit", api.SetAuditRequest(seconds=1, reason="a"), grpc.StatusCode.INVALID_ARGUMENT),
            ):
                with self.assertRaises(grpc.RpcError) as raised:
                    client.call(method, request)
                self.assertEqual(raised.exception.code(), code, raised.exception.details())
            with self.assertRaises(grpc.RpcError) as raised:
                client.call("GetContainer", api.GetContainerRequest(id="a" * (65 << 10)))
            self.assertIn(raised.exception.code(),
                          (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT))  # fmt: skip
            self.assertTrue(client.status().version)

    @staticmethod
    def do_what_is_denied(container):
        """1,500 times, by several commands: the runtime ends one that takes 20 seconds."""
        for _ in range(5):
            container.exec("busybox", "sh", "-c", "for i in $(seq 300); do /usr/bin/id; done")

    def test_many_streams_that_nobody_reads_hold_up_nobody(self):
        container = self.profiled_pod("no-id").run("probe", "sleep")
        with Client() as first:
            first.status()
            before = memory_of(self.plugin.pid)
        clients = [Client() for _ in range(CONNECTIONS - 1)]
        streams = [clients[number % len(clients)].watch() for number in range(STREAMS)]
        # Each has begun, and is not read any more.
        for stream in streams:
            next(stream)
        self.do_what_is_denied(container)
        with Client() as another:
            began = time.monotonic()
            another.status()
            self.assertLess(time.monotonic() - began, 5 * host.patience)
        grown = memory_of(self.plugin.pid) - before
        self.assertLess(grown, UNREAD_MIB)
        self.profiled_pod("shop").run("probe", "sleep")
        for client in clients:
            client.__exit__()

    def test_a_process_has_eight_connections_and_no_more(self):
        clients = [Client() for _ in range(CONNECTIONS)]
        for client in clients:
            client.status()
        with Client() as one_more, self.assertRaises(grpc.RpcError) as raised:
            one_more.status()
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
        # Those of another process are its own.
        self.stockade("status")
        for client in clients:
            client.__exit__()
        wait_until("connections to be free again", self.is_answered)

    @staticmethod
    def is_answered() -> bool:
        try:
            with Client() as client:
                return bool(client.status().version)
        except grpc.RpcError:
            return False

    def test_a_client_that_says_nothing_is_closed(self):
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(str(SOCKET))
            silent.settimeout(10 * host.patience)
            self.assertEqual(silent.recv(1), b"")

    # ---- who may not ----

    def test_no_process_of_a_container_is_answered(self):
        """Neither a confined one, nor one without a profile, nor one that has all of the host's namespaces."""
        image.compile_probe(SCRATCH / "probe")
        here = subprocess.run([SCRATCH / "probe", "unix", SOCKET], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(here.stdout, "answered\n")
        enter = ["busybox", "nsenter", "-t", str(self.plugin.pid), "-m", "--", str(SCRATCH / "probe")]
        for profile in ("audit-all", None):
            annotations = {"profile.stockade.dev": profile} if profile else {}
            pod = self.pod(annotations=annotations, privileged=True, pids=control_client.HOST_PIDS)
            container = pod.run("probe", "sleep", mounts={str(SOCKET.parent): str(SOCKET.parent)})
            for command in (["probe"], enter):
                output = container.exec(*command, "unix", str(SOCKET))
                self.assertIn(output.text, ("closed\n", "connect: Operation not permitted\n"))
        if "connect" not in output.text:
            messages = self.plugin.messages()
            for reason in ("the process is in another mnt namespace", "the process may be in a container"):
                self.assertTrue(reason in messages, reason)

    def test_a_user_who_is_not_root_is_not_answered(self):
        done = subprocess.run([os.environ["E2E_PLUGIN"], "status"], user=65534, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)  # fmt: skip
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"permission denied; run it as root", done.stdout)
