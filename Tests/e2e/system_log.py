"""The machine's log as a launched plugin finds it: /dev/log, written to a file."""

import contextlib
import pathlib
import socket
import threading

ADDRESS = pathlib.Path("/dev/log")


class Syslog:
    """Takes in what is logged until it is closed. `host.enter` made /dev private."""

    def __init__(self, file: pathlib.Path):
        ADDRESS.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(ADDRESS))
        self.file = file
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()

    def _write(self) -> None:
        with contextlib.suppress(OSError), self.file.open("ab", buffering=0) as log:
            while message := self.socket.recv(65536):
                log.write(message.rstrip(b"\0\n") + b"\n")

    def close(self) -> None:
        # Closing alone does not wake a thread that waits in recv.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.socket.close()
        ADDRESS.unlink()
