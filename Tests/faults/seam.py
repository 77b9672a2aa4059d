"""The test's half of the seam (faults.c): builds it, arms it, and reads what was counted."""

import ctypes
import mmap
import os
import pathlib
import subprocess
from collections.abc import Iterator

HERE = pathlib.Path(__file__).parent
# bpf(2)'s commands by their names, as far as libbpf uses them.
BPF_COMMANDS = {
    0: "MAP_CREATE", 1: "MAP_LOOKUP_ELEM", 2: "MAP_UPDATE_ELEM", 3: "MAP_DELETE_ELEM", 4: "MAP_GET_NEXT_KEY",
    5: "PROG_LOAD", 6: "OBJ_PIN", 7: "OBJ_GET", 8: "PROG_ATTACH", 9: "PROG_DETACH", 10: "PROG_TEST_RUN",
    11: "PROG_GET_NEXT_ID", 13: "PROG_GET_FD_BY_ID", 14: "MAP_GET_FD_BY_ID", 15: "OBJ_GET_INFO_BY_FD",
    16: "PROG_QUERY", 17: "RAW_TRACEPOINT_OPEN", 18: "BTF_LOAD", 19: "BTF_GET_FD_BY_ID",
    22: "MAP_FREEZE", 23: "BTF_GET_NEXT_ID", 24: "MAP_LOOKUP_BATCH", 28: "LINK_CREATE", 29: "LINK_UPDATE",
    30: "LINK_GET_FD_BY_ID", 31: "LINK_GET_NEXT_ID", 33: "ITER_CREATE", 34: "LINK_DETACH", 35: "PROG_BIND_MAP",
}


class Header(ctypes.Structure):
    """What stands before the counters."""

    _fields_ = [(name, ctypes.c_uint32) for name in ("armed", "slot", "nth", "error", "failed")]


class Seam:
    """One file that the test shares with the program, and the library that the program is started with."""

    def __init__(self, folder: pathlib.Path):
        self.library = folder / "faults.so"
        command = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", self.library, HERE / "faults.c"], check=True)
        loaded = ctypes.CDLL(str(self.library))
        names = (ctypes.c_char_p * 256).in_dll(loaded, "faults_names")
        slots, self.bpf, commands, self.syscalls = (ctypes.c_uint32 * 4).in_dll(loaded, "faults_layout")
        self.names: dict[int, str] = {}
        for slot, name in enumerate(names):
            if name is None:
                break
            self.names[slot] = name.decode()
        self.names |= {self.bpf + number: f"bpf {BPF_COMMANDS.get(number, number)}" for number in range(commands)}
        self.names |= {slot: f"syscall {slot - self.syscalls}" for slot in range(self.syscalls, slots)}
        self.slots = {name: slot for slot, name in self.names.items()}
        self.file = folder / "seam"
        size = ctypes.sizeof(Header) + 4 * slots
        self.file.write_bytes(bytes(size))
        with self.file.open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), size)
        self.header = Header.from_buffer(self.memory)
        self.counts = (ctypes.c_uint32 * slots).from_buffer(self.memory, ctypes.sizeof(Header))

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"LD_PRELOAD": str(self.library), "STOCKADE_FAULTS": str(self.file)}

    def arm(self, call: str | None = None, nth: int = 0, error: int = 0) -> None:
        """Counts from 0 on. Fails the nth call of that name, if one is given."""
        self.header.armed = 0
        ctypes.memset(self.counts, 0, ctypes.sizeof(self.counts))
        self.header.slot = self.slots[call] if call else 0
        self.header.nth, self.header.error, self.header.failed = nth, error, 0
        self.header.armed = 1

    def disarm(self) -> bool:
        """Returns whether a call has failed."""
        self.header.armed = 0
        return self.header.failed > 0

    def counted(self) -> Iterator[tuple[str, int]]:
        """The name of each function that was called, and how often."""
        return ((self.names[slot], count) for slot, count in enumerate(self.counts) if count)
