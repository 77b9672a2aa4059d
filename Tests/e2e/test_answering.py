"""Nothing holds the answer to the runtime, nor the plugin's end: a log, events or a disk that nobody serves."""

import contextlib
import fcntl
import os
import pathlib
import signal
import socket
import subprocess
import time
import unittest

import host
import plugin
from case import PluginCase
from host import SCRATCH, wait_until
from plugin import EXTERNAL_CONFIG, PINS, PROFILES
from system_log import ADDRESS

STARTS = 50
END_SECONDS = 1
PIPE_BYTES = 4096
# Each has a filter of its own to be built; together more than a second's work.
SLOW_PROFILES = 600
CONDITIONAL = """
read write close fstat poll lseek mmap mprotect munmap brk ioctl pread64 pwrite64 readv writev access pipe select dup
dup2 pause getpid socket connect accept sendto recvfrom bind listen clone fork vfork execve exit wait4 kill uname fcntl
""".split()
SLOW_PROFILE = """
apiVersion: stockade.dev/v1alpha1
kind: SecurityProfile
metadata: {{name: slow{number}}}
spec:
  seccomp:
    type: Inline
    defaultAction: SCMP_ACT_ERRNO
    syscalls:
    - names: [{names}]
      action: SCMP_ACT_ALLOW
      args:
      - {{index: 0, op: SCMP_CMP_EQ, value: {number}}}
      - {{index: 1, op: SCMP_CMP_NE, value: {number}}}
"""


class UnreadPipe:
    """A pipe that is full already, and that nobody reads until `drain`."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.write(self.writer, b"x" * (PIPE_BYTES - 1) + b"\n")

    def drain(self) -> bytes:
        """What comes, until nothing does for a second."""
        os.set_blocking(self.reader, False)
        text, deadline = b"", time.monotonic() + 1
        while time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError):
                text += os.read(self.reader, 65536)
                deadline = time.monotonic() + 1
        return text

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


class UnreadLog:
    """The machine's log, bound and full, with nobody who reads it."""

    def __init__(self):
        ADDRESS.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(ADDRESS))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler, contextlib.suppress(BlockingIOError):
            filler.setblocking(False)
            while True:
                filler.sendto(b"x", str(ADDRESS))

    def close(self) -> None:
        self.socket.close()
        ADDRESS.unlink(missing_ok=True)


class DeadDisk:
    """A folder of a file system whose server answers nothing: whoever looks at it hangs."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        folder.mkdir(parents=True)
        self.server = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.server},rootmode=40000,user_id=0,group_id=0"
        host.mount("dead", str(folder), "fuse", options=options)

    def close(self) -> None:
        os.close(self.server)
        subprocess.run(["umount", "--lazy", self.folder], check=True)
        self.folder.rmdir()


def seconds_to_end(process: subprocess.Popen) -> float:
    """From SIGTERM on."""
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10 * host.patience)
    finally:
        process.kill()
        process.wait()
    return time.monotonic() - start


class Answers:
    """Mixed into a PluginCase whose plugin logs into nothing."""

    def test_containers_start_confined_and_what_is_denied_does_not_run(self):
        pod = self.profiled_pod("no-id")
        command = ["sh", "-c", "/usr/bin/id; echo status $?"]
        containers = [pod.create(*command, name=f"app{number}") for number in range(STARTS)]
        for container in containers:
            self.runtime.cri.start(container.id)
        for container in containers:
            with self.subTest(container.name):
                self.wait_for_exit(container)
                self.assertRegex(container.log, r"stdout F status (126|137)\n")
                self.assertNotIn("uid=", container.log)
        self.assertIsNotNone(self.plugin.pid, "the plugin is gone")


class LaunchedWithAnUnreadLog(Answers, PluginCase):
    launched = True

    @classmethod
    def install(cls):
        super().install()
        cls.plugin.syslog.close()
        cls.plugin.syslog = UnreadLog()


class ExternalWithUnreadStreams(Answers, PluginCase):
    launched = False

    @classmethod
    def install(cls):
        cls.pipe = UnreadPipe()
        cls.addClassCleanup(cls.pipe.close)
        super().install()
        cls.plugin.streams = cls.pipe.writer
        # Events as well.
        EXTERNAL_CONFIG.write_text(plugin.CONFIG.replace(f"eventsFile: {plugin.EVENTS}\n", ""))

    def test_it_ends_within_a_second_and_leaves_nothing(self):
        self.profiled_pod("no-id").run("sh", "-c", "/usr/bin/id")
        self.runtime.remove_all()
        self.assert_nothing_bound()
        self.assertLess(seconds_to_end(self.plugin.process), END_SECONDS * host.patience)
        self.assertFalse(PINS.exists())

    def test_it_ends_within_a_second_whenever_it_is_told_to(self):
        self.profiled_pod("no-id")
        self.plugin.stop()
        for tenths in range(0, 12, 2):
            with self.subTest(tenths=tenths):
                self.plugin.launch()
                time.sleep(tenths / 10 * host.patience)
                self.assertLess(seconds_to_end(self.plugin.process), END_SECONDS * host.patience)
        self.replace_plugin()


class Ending(unittest.TestCase):
    """Without a runtime: the test holds the other end of the socket."""

    SOCKET = SCRATCH / "ending.sock"
    CONFIG = SCRATCH / "ending.yaml"

    def setUp(self):
        if "E2E_PLUGIN" not in os.environ:
            self.skipTest("no --plugin was given")
        self.CONFIG.write_text("")
        self.addCleanup(self.CONFIG.unlink)

    def listen(self, backlog: int = 8) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.SOCKET.unlink)
        self.addCleanup(listener.close)
        listener.bind(str(self.SOCKET))
        listener.listen(backlog)
        listener.settimeout(20 * host.patience)
        return listener

    def run_plugin(self, socket_path: pathlib.Path = SOCKET, **streams) -> subprocess.Popen:
        command = [os.environ["E2E_PLUGIN"], "run", "--socket", socket_path, "--config", self.CONFIG]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, **{**quiet, **streams})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def wait_for_registration(self, listener: socket.socket) -> socket.socket:
        connection, _ = listener.accept()
        self.addCleanup(connection.close)
        connection.settimeout(20 * host.patience)
        self.assertNotEqual(connection.recv(1), b"", "the plugin registers")
        return connection

    def assert_ends_in_time(self, process: subprocess.Popen) -> None:
        self.assertIsNone(process.poll())
        self.assertLess(seconds_to_end(process), END_SECONDS * host.patience)
        self.assertEqual(process.returncode, 0)

    def test_while_there_is_no_runtime(self):
        process = self.run_plugin()
        time.sleep(0.3)
        self.assert_ends_in_time(process)

    def test_while_the_runtime_takes_no_connection(self):
        listener = self.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(self.SOCKET))
            process = self.run_plugin()
            time.sleep(0.3)
            self.assert_ends_in_time(process)
        listener.close()

    def test_while_the_runtime_does_not_answer_and_nobody_reads_what_it_says(self):
        pipe = UnreadPipe()
        self.addCleanup(pipe.close)
        listener = self.listen()
        process = self.run_plugin(stdout=pipe.writer, stderr=pipe.writer)
        self.wait_for_registration(listener)
        self.assert_ends_in_time(process)
        self.assertFalse(PINS.exists())

    def test_while_it_loads_its_programs(self):
        listener = self.listen()
        process = self.run_plugin()
        listener.accept()
        self.assert_ends_in_time(process)
        # What that left, the next one takes away.
        process = self.run_plugin()
        self.wait_for_registration(listener)
        self.assert_ends_in_time(process)
        self.assertFalse(PINS.exists())

    def test_while_the_disk_of_the_profiles_hangs_and_it_registers_all_the_same(self):
        disk = DeadDisk(SCRATCH / "dead")
        self.addCleanup(disk.close)
        self.CONFIG.write_text(f"profilesFolder: {disk.folder}\n")
        listener = self.listen()
        process = self.run_plugin()
        self.wait_for_registration(listener)
        process.send_signal(signal.SIGHUP)
        self.assert_ends_in_time(process)

    def test_hard_where_the_disk_of_the_socket_hangs(self):
        disk = DeadDisk(SCRATCH / "dead")
        self.addCleanup(disk.close)
        process = self.run_plugin(socket_path=disk.folder / "nri.sock")
        time.sleep(0.3)
        self.assert_ends_in_time(process)

    def test_by_itself_where_the_disk_of_the_configuration_hangs(self):
        with self.CONFIG.open("r+") as file:
            # Whoever opens the file waits until we give the lease back.
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            signal.signal(signal.SIGIO, signal.SIG_IGN)
            self.assertEqual(self.run_plugin().wait(2 * host.patience), 2)

    def test_launched_with_a_log_that_nobody_reads(self):
        log = UnreadLog()
        self.addCleanup(log.close)
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        # As the runtime starts it.
        environment = {**os.environ, "NRI_PLUGIN_SOCKET": str(theirs.fileno()), "NRI_PLUGIN_NAME": "stockade",
                       "NRI_PLUGIN_IDX": "10"}
        process = subprocess.Popen([os.environ["E2E_PLUGIN"]], env=environment, pass_fds=[theirs.fileno()],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        theirs.close()
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(self.end_keeper)
        ours.settimeout(20 * host.patience)
        self.assertNotEqual(ours.recv(1), b"", "the plugin registers")
        self.assert_ends_in_time(process)

    def end_keeper(self):
        """It would bring back what ended, since these tests, who are the runtime, go on."""
        for pid in plugin.pids(plugin.KEEPER):
            os.kill(pid, signal.SIGTERM)
        wait_until("the keeper to end", lambda: not plugin.pids(plugin.KEEPER, plugin.KEPT))


class Refreshing(PluginCase):
    launched = False

    def test_sighup_reads_the_profiles_and_begins_the_events_anew(self):
        container = self.profiled_pod("no-id").run("probe", "sleep")
        old = plugin.EVENTS.with_suffix(".old")
        self.addCleanup(old.unlink, missing_ok=True)
        plugin.EVENTS.touch()
        plugin.EVENTS.rename(old)
        os.kill(self.plugin.pid, signal.SIGHUP)
        wait_until("the new file", plugin.EVENTS.exists)
        wait_until("the reading", lambda: "the profiles were read again" in self.plugin.messages())
        self.assertIn("a changed configuration needs a restart", self.plugin.messages())
        self.assert_denied(container, "id")
        wait_until("the event", self.plugin.events)

    def test_profiles_that_take_long_to_read_are_not_waited_for_and_what_runs_is_confined_once_they_are(self):
        self.plugin.stop()
        container = self.profiled_pod("no-id").run("probe", "sleep")
        self.assert_runs(container, "id", "-u", prints="0\n")
        for number in range(SLOW_PROFILES):
            path = PROFILES / f"slow{number}.yaml"
            path.write_text(SLOW_PROFILE.format(number=number, names=", ".join(CONDITIONAL)))
            self.addCleanup(path.unlink)
        self.plugin.start()
        wait_until("the profiles to be late", lambda: "the profiles are not read yet" in self.plugin.messages())
        wait_until("the adoption", lambda: "adopted" in self.plugin.messages().rpartition("are not read yet")[2], 30)
        self.assert_denied(container, "id")
