#!/usr/bin/python3
"""Serves /work, and writes a line for each request to /work/access.log, which another container reads."""

import functools
import http.server
import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
sys.stderr = open("/work/access.log", "a", buffering=1, encoding="utf-8")
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/work")
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), handler).serve_forever()
