"""
A WSGI application that answers with a line of its own, and at /user with that of a program. The other paths are what an
intruder would do with it: start a shell, write a program and run it, connect elsewhere, read the token of the service
account.
"""

import os
import pathlib
import shutil
import socket
import subprocess

TOKEN = pathlib.Path("/run/secrets/kubernetes.io/serviceaccount/token")


def shell():
    return subprocess.run(["/bin/sh", "-c", "echo shell"], stdout=subprocess.PIPE, check=True).stdout


def binary():
    shutil.copy("/usr/bin/printf", "/tmp/written")
    os.chmod("/tmp/written", 0o755)
    return subprocess.run(["/tmp/written", "binary\n"], stdout=subprocess.PIPE, check=True).stdout


def outside():
    with socket.create_connection(("127.0.0.1", 81), timeout=5):
        return b"outside\n"


PATHS = {
    "/": lambda: b"gunicorn\n",
    "/user": lambda: subprocess.run(["/usr/bin/id", "-un"], stdout=subprocess.PIPE, check=True).stdout,
    "/shell": shell, "/binary": binary, "/outside": outside, "/token": TOKEN.read_bytes,
}  # fmt: skip


def application(environ, start_response):
    try:
        status, text = "200 OK", PATHS.get(environ["PATH_INFO"], lambda: b"nothing\n")()
    except (OSError, subprocess.SubprocessError):
        status, text = "500 Internal Server Error", b"denied\n"
    start_response(status, [("Content-Type", "text/plain")])
    return [text]
