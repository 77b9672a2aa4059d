"""Servers on the machine, outside of any container, for what containers may and may not reach."""

import contextlib
import socket
import threading

ANSWER = b"echo: hello"


class Server:
    """Answers TCP connections and UDP datagrams on one port of the loopback, and counts who came."""

    def __init__(self, port: int):
        self.port, self.visitors = port, 0
        self.stream = socket.create_server(("127.0.0.1", port))
        self.datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagram.bind(("127.0.0.1", port))
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._streams, self._datagrams)]
        for thread in self.threads:
            thread.start()

    def _streams(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.stream.accept()
                self.visitors += 1
                with peer, contextlib.suppress(OSError):
                    peer.recv(512)
                    peer.sendall(ANSWER)

    def _datagrams(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                _, sender = self.datagram.recvfrom(512)
                if sender is None:
                    return  # shut down
                self.visitors += 1
                self.datagram.sendto(ANSWER, sender)

    def close(self) -> None:
        # Closing alone does not wake a thread that waits in accept or recvfrom.
        for open_socket in (self.stream, self.datagram):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()
        for thread in self.threads:
            thread.join(5)


def ask(kind: socket.SocketKind, address: str, port: int, seconds: float = 3) -> bytes:
    """What a server answers to "hello"; raises OSError where none does."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as client:
        client.settimeout(seconds)
        client.connect((address, port))
        client.send(b"hello")
        return client.recv(512)
