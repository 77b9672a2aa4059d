"""The runtime's half of one NRI session, as containerd 2.1 speaks it (NRI 0.9), without a runtime.

The trunk's frames are: connection (u32), length (u32), payload. A message is: length (u32), stream (u32), kind (u8),
flags (u8), body; all big-endian."""

import pathlib
import socket
import struct
import time

import nri_pb2
import ttrpc_pb2

PLUGIN, RUNTIME = 1, 2
REQUEST, RESPONSE = 1, 2
ANSWER_SECONDS = 10
PLUGIN_SERVICE = "nri.pkg.api.v1alpha1.Plugin"
# A frame that begins a message has at most so many bytes.
FIRST_FRAME_BYTES = 4096


class Refused(Exception):
    """The plugin's answer was an error."""


class Ended(Exception):
    """The plugin closed the session."""


# How it shows that a session is lost.
LOST = (Ended, TimeoutError, BrokenPipeError)


class Listener:
    """The runtime's socket."""

    def __init__(self, path: pathlib.Path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(8)

    def accept(self, seconds: float) -> "Session | None":
        """The next plugin that connects, if one does."""
        self.socket.settimeout(seconds)
        try:
            connection, _ = self.socket.accept()
        except TimeoutError:
            return None
        return Session(connection)


class Session:
    """A plugin that has connected."""

    def __init__(self, connection: socket.socket):
        self.socket, self.stream, self.deadline = connection, 1, 0.0
        self.events = 0

    def close(self) -> None:
        self.socket.close()

    @property
    def is_open(self) -> bool:
        """Whether the plugin has not closed it, as far as is known now."""
        self.socket.settimeout(0)
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    # ---- calls ----

    def begin(self, pods: list, containers: list) -> None:
        """Serves RegisterPlugin, then calls Configure and Synchronize."""
        self.deadline = time.monotonic() + ANSWER_SECONDS
        _, stream, _, _ = self.receive()
        self.send(RUNTIME, stream, RESPONSE, ttrpc_pb2.Response())
        configure = nri_pb2.ConfigureRequest(
            runtime_name="containerd", runtime_version="2.1.9", registration_timeout=5000, request_timeout=10000)
        self.events = nri_pb2.ConfigureResponse.FromString(self.call("Configure", configure)).events
        self.call("Synchronize", nri_pb2.SynchronizeRequest(pods=pods, containers=containers))

    def event(self, name: str, pod, container=None) -> bytes:
        """An event that has a call of its own (CreateContainer, StopContainer), or one that has not."""
        if name in ("CreateContainer", "StopContainer"):
            return self.call(name, nri_pb2.EventRequest(pod=pod, container=container))
        number = nri_pb2.Event.Value("".join("_" + c if c.isupper() else c for c in name).strip("_").upper())
        return self.call("StateChange", nri_pb2.StateChangeEvent(event=number, pod=pod, container=container))

    def call(self, method: str, message) -> bytes:
        """Returns the answer's payload."""
        self.deadline = time.monotonic() + ANSWER_SECONDS
        stream, self.stream = self.stream, self.stream + 2
        request = ttrpc_pb2.Request(
            service=PLUGIN_SERVICE, method=method, payload=message.SerializeToString(),
            timeout_nano=ANSWER_SECONDS * 10**9)
        self.send(PLUGIN, stream, REQUEST, request)
        while True:
            connection, answered, kind, body = self.receive()
            if (connection, answered, kind) == (PLUGIN, stream, RESPONSE):
                answer = ttrpc_pb2.Response.FromString(body)
                if answer.status.code:
                    raise Refused(answer.status.message)
                return answer.payload

    # ---- bytes ----

    def send(self, connection: int, stream: int, kind: int, message) -> None:
        body = message.SerializeToString()
        whole = struct.pack(">IIBB", len(body), stream, kind, 0) + body
        parts = [part for part in (whole[:FIRST_FRAME_BYTES], whole[FIRST_FRAME_BYTES:]) if part]
        self.socket.settimeout(ANSWER_SECONDS)
        try:
            self.socket.sendall(b"".join(struct.pack(">II", connection, len(part)) + part for part in parts))
        except OSError as error:
            raise Ended(str(error)) from error

    def receive(self) -> tuple[int, int, int, bytes]:
        """The next message: its connection, stream, kind and body. No message of ours comes between its frames."""
        connection, whole = self.frame()
        length, stream, kind, _ = struct.unpack(">IIBB", whole[:10])
        while len(whole) < 10 + length:
            whole += self.frame()[1]
        return connection, stream, kind, whole[10:]

    def frame(self) -> tuple[int, bytes]:
        connection, length = struct.unpack(">II", self.exactly(8))
        return connection, self.exactly(length)

    def exactly(self, length: int) -> bytes:
        got = b""
        while len(got) < length:
            self.socket.settimeout(max(0.001, self.deadline - time.monotonic()))
            try:
                part = self.socket.recv(length - len(got))
            except TimeoutError as error:
                raise TimeoutError(f"the plugin gave no answer in {ANSWER_SECONDS} seconds") from error
            except OSError as error:
                raise Ended(str(error)) from error
            if not part:
                raise Ended("the plugin closed the session")
            got += part
        return got
