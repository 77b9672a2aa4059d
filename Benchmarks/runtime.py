"""The runtime's half of NRI 0.12, which drives a plugin and says how long each answer took.

On the wire: frames of a connection's number and a length; in them ttrpc messages of a length, a stream, a kind and
flags; in these protobuf. proto/ describes the messages.
"""

import itertools
import json
import os
import pathlib
import socket
import struct
import subprocess
import time

from messages import nri_pb2, ttrpc_pb2

FRAME, HEADER = struct.Struct(">II"), struct.Struct(">IIBB")
# The plugin is called on one connection, and registers on the other.
PLUGIN, RUNTIME = 1, 2
REQUEST, RESPONSE = 1, 2
# A Go plugin cannot read a message whose first frame is longer.
FIRST_FRAME = 4096
SERVICE = "nri.pkg.api.v1alpha1.Plugin"
ANSWER_SECONDS = 600  # emulated machines are slow, and nothing here is judged by the clock


EVENTS = {"RunPodSandbox": 1, "StopPodSandbox": 2, "RemovePodSandbox": 3, "CreateContainer": 4, "StartContainer": 6,
          "StopContainer": 10, "RemoveContainer": 11}  # fmt: skip
# Before NRI 0.12, what a runtime does after these events is not said in an answer, so they are told by one call.
STATE_CHANGES = ("RunPodSandbox", "StopPodSandbox", "RemovePodSandbox", "StartContainer", "RemoveContainer")


class Refused(Exception):
    """The plugin answered with an error; the text has the method and the plugin's message."""


class Session:
    """One plugin's connection, from its registration on."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(ANSWER_SECONDS)
        self.streams = itertools.count(1, 2)
        self.received = {PLUGIN: b"", RUNTIME: b""}
        self.raw = b""

    def send(self, number, stream, kind, body):
        message = HEADER.pack(len(body), stream, kind, 0) + body
        parts = [part for part in (message[:FIRST_FRAME], message[FIRST_FRAME:]) if part]
        self.connection.sendall(b"".join(FRAME.pack(number, len(part)) + part for part in parts))

    def next_message(self, number):
        """The next whole message of a connection: its stream, its kind and its body."""
        while True:
            bytes_ = self.received[number]
            if len(bytes_) >= HEADER.size:
                length, stream, kind, _ = HEADER.unpack_from(bytes_)
                end = HEADER.size + length
                if len(bytes_) >= end:
                    self.received[number] = bytes_[end:]
                    return stream, kind, bytes_[HEADER.size:end]  # fmt: skip
            self.read_frames()

    def read_frames(self):
        more = self.connection.recv(1 << 20)
        if not more:
            raise EOFError("the plugin closed its connection")
        self.raw += more
        while len(self.raw) >= FRAME.size:
            number, length = FRAME.unpack_from(self.raw)
            if len(self.raw) < FRAME.size + length:
                break
            self.received[number] += self.raw[FRAME.size : FRAME.size + length]
            self.raw = self.raw[FRAME.size + length :]

    def register(self):
        """Waits for RegisterPlugin and answers it."""
        stream, _, body = self.next_message(RUNTIME)
        request = ttrpc_pb2.Request.FromString(body)
        assert request.method == "RegisterPlugin", request.method
        self.send(RUNTIME, stream, RESPONSE, b"")

    def call(self, method, message):
        """The answer's payload, and the seconds from the call's first byte to the answer's last one."""
        stream = next(self.streams)
        body = ttrpc_pb2.Request(
            service=SERVICE, method=method, payload=message.SerializeToString(), timeout_nano=ANSWER_SECONDS * 10**9
        ).SerializeToString()
        began = time.monotonic()
        self.send(PLUGIN, stream, REQUEST, body)
        answered, kind, body = self.next_message(PLUGIN)
        seconds = time.monotonic() - began
        assert (answered, kind) == (stream, RESPONSE), (method, answered, kind)
        response = ttrpc_pb2.Response.FromString(body)
        if response.status.code:
            raise Refused(f"{method}: {response.status.message}")
        return response.payload, seconds


class Plugin:
    """A plugin that is started, registers, and is told what runs."""

    def __init__(self, command, path, pods=(), containers=(), log=None, old=False):
        """`command` gets the socket's path, `path`, in the place of SOCKET. `log` is the file for what it says. `old`:
        it speaks NRI 0.6."""
        path = pathlib.Path(path)
        path.unlink(missing_ok=True)
        self.program, self.old = command[0], old
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(ANSWER_SECONDS)
        milliseconds = ANSWER_SECONDS * 1000
        self.configuration = nri_pb2.ConfigureRequest(
            runtime_name="containerd", runtime_version="2.3.4", nri_version="v0.12.0",
            registration_timeout=milliseconds, request_timeout=milliseconds)  # fmt: skip
        self.running = nri_pb2.SynchronizeRequest(pods=pods, containers=containers)
        began = time.monotonic()
        words = [path if word == "SOCKET" else word for word in command]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.accept()
        self.seconds_to_register = time.monotonic() - began
        self.configure()

    def accept(self):
        self.session = Session(self.listener.accept()[0])
        self.session.register()

    def configure(self):
        answer, _ = self.session.call("Configure", self.configuration)
        self.events = nri_pb2.ConfigureResponse.FromString(answer).events
        _, self.seconds_to_synchronize = self.session.call("Synchronize", self.running)

    def settle(self):
        """Waits until a Stockade has read its profiles, and gives what it says of itself. If reading them took longer
        than it waits with its registration, it connects once more."""
        while True:
            command = [self.program, "status", "-o", "json"]
            status = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout or "{}")
            if status.get("profiles", {}).get("read"):
                break
            time.sleep(0.2)
        time.sleep(1)
        connection = self.session.connection
        connection.setblocking(False)
        try:
            if not connection.recv(1, socket.MSG_PEEK):
                self.accept()
                self.configure()
        except BlockingIOError:
            connection.settimeout(ANSWER_SECONDS)
        return status

    def call(self, method, message):
        """The answer and the seconds until it came. A runtime tells a plugin only of the events that it asked for."""
        if not self.events >> (EVENTS[method] - 1) & 1:
            return b"", 0
        if self.old and method in STATE_CHANGES:
            return self.session.call(
                "StateChange",
                nri_pb2.StateChangeEvent(event=EVENTS[method], pod=message.pod, container=message.container))
        return self.session.call(method, message)

    def resident_bytes(self):
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def processor_seconds(self):
        """What all its threads have used, those that have ended too: its clock, as clock_getcpuclockid(3) makes it."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def end(self, kill=False):
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        status = self.process.wait()
        self.session.connection.close()
        self.listener.close()
        return status
