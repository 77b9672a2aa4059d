#!/usr/bin/python3
"""Passes on what another container writes to /work/access.log."""

import pathlib
import signal
import sys
import time

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
log = pathlib.Path("/work/access.log")
while not log.exists():
    time.sleep(0.1)
with log.open(encoding="utf-8") as lines:
    while True:
        print(lines.readline(), end="", flush=True)
        time.sleep(0.1)
