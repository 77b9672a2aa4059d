#!/usr/bin/python3
"""
Reads Stockade's events from its file and prints each once, in order, also when it is started again later.

    read_events.py [--once] EVENTS-FILE POSITION-FILE

POSITION-FILE remembers which file was read, and up to where. With --once it ends when everything is read; without, it
waits for more. What docs/events.md ("Reading the file") says is all that it relies on. Made for changes: a reader of
your own can begin with it.
"""

import argparse
import json
import os
import sys
import time
import zlib

PAUSE_SECONDS = 0.2


class Reader:
    def __init__(self, path, position_path):
        self.path, self.position_path = path, position_path
        # Which file was read, and the offset of the first line in it that was not.
        self.identity, self.offset = None, 0
        if os.path.exists(position_path):
            with open(position_path, encoding="ascii") as file:
                number, checksum, offset = map(int, file.read().split())
                self.identity, self.offset = (number, checksum), offset

    def save(self):
        """By a rename: whoever ends in between leaves the old position or the new one."""
        with open(self.position_path + ".new", "w", encoding="ascii") as file:
            file.write("{} {} {}\n".format(*self.identity, self.offset))
        os.rename(self.position_path + ".new", self.position_path)

    def lines(self):
        """The whole lines that are there and were not read."""
        while (found := self.open_next()) is not None:
            # Asked before the file is read: what comes between reading and asking would be lost.
            file, is_old = found
            with file:
                file.seek(self.offset)
                for line in file:
                    # Stockade is about to write the rest, or to take the beginning away again. To an old file nothing
                    # is added.
                    if not line.endswith(b"\n") and not is_old:
                        break
                    self.offset += len(line)
                    yield line
            if not is_old:
                return
            self.identity, self.offset = None, 0

    def open_next(self):
        """The file that was read last, and whether its name is now another; else the newest. None: there is none."""
        newest = opened(self.path)
        if self.identity is None and newest is not None:
            # The first time, what the older file has is not read.
            self.identity = newest[1]
        if newest is not None and newest[1] == self.identity:
            return newest[0], False
        older = opened(self.path + ".1")
        if older is not None and older[1] == self.identity:
            return older[0], True
        if newest is None:
            return None
        print("events are missing: the file was replaced twice since it was read", file=sys.stderr)
        self.identity, self.offset = newest[1], 0
        return newest[0], False


def opened(path):
    """A file and its identity: its number, and the checksum of its first line, since numbers are given away again.
    None: there is no file with a line."""
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        return None
    first = file.readline()
    if not first.endswith(b"\n"):
        file.close()
        return None
    return file, (os.fstat(file.fileno()).st_ino, zlib.crc32(first))


def handle(line):
    """A half line is what a process left that was killed while it wrote. It stands alone."""
    try:
        event = json.loads(line)
    except ValueError:
        print(f"half a line: {line!r}", file=sys.stderr)
        return
    # A record of OCSF (eventsFormat: ocsf) has the kind in its metadata, and what OCSF has no place for in unmapped.
    is_own = "kind" in event
    if (event["kind"] if is_own else event["metadata"]["event_code"]) == "dropped":
        counts = (event if is_own else event["unmapped"])["counts"]
        print(f"events are missing: {counts}", file=sys.stderr)
    print(json.dumps(event, ensure_ascii=False), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", action="store_true")
    parser.add_argument("events")
    parser.add_argument("position")
    options = parser.parse_args()
    reader = Reader(options.events, options.position)
    while True:
        for line in reader.lines():
            handle(line)
            reader.save()
        if options.once:
            return
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
