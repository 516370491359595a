"""A real S3 server on loopback (moto), and a proxy before it that gives other answers at counted points.

moto looks whether an object is there and writes it in two steps; the proxy lets one request that writes through at a
time, so that conditional writes are what they are on a store.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

PEER = Path(os.environ.get("POTSTILL_MOTO") or Path(__file__).parents[1] / ".venv" / "peers" / "s3")
"""Where `make install` puts moto, whose requirements would move ours."""
NEEDED = pytest.mark.skipif(
    find_spec("obstore") is None or not (PEER / "moto").is_dir(),
    reason="obstore or moto is missing: make install",
)
KEY, SECRET = "AKIAPOTSTILLTESTKEY", "potstill-test-secret"
LOST, SLOW = "lost", "slow"
"""Faults: the answer of a request that was carried out never comes; it comes late."""


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self):
        store = self.server.store
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client was killed: a store takes no half of a request
            self.close_connection = True
            return
        fault = store.fault(self.command, self.path)
        if isinstance(fault, tuple):
            status, code = fault
            self.answer(
                status, [], f"<Error><Code>{code}</Code><AWSAccessKeyId>{KEY}</AWSAccessKeyId></Error>".encode()
            )
            return
        if fault == SLOW:
            time.sleep(0.2)
        with store.writing if self.command in ("PUT", "POST", "DELETE") else contextlib.nullcontext():
            behind = http.client.HTTPConnection("127.0.0.1", store.behind, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            behind.request(self.command, self.path, body, headers)
            found = behind.getresponse()
            data = found.read()
            behind.close()
        if fault == LOST:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.answer(found.status, found.getheaders(), data)

    def answer(self, status, headers, data):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "server", "content-length"):
                self.send_header(name, value)
        size = {name.lower(): value for name, value in headers}.get("content-length")
        self.send_header("Content-Length", size if self.command == "HEAD" and size else str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_):
        pass


for method in ("GET", "PUT", "POST", "DELETE", "HEAD"):
    setattr(Proxy, f"do_{method}", Proxy.forward)


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """Clients that are killed break their connections."""


class S3Server:
    """`faults` maps (method, end of the path) to what the next requests get: (status, code), LOST, SLOW or None."""

    def __init__(self):
        self.writing, self.counts, self.faults = threading.Lock(), Counter(), {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.behind = free.getsockname()[1]
        self.moto = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.behind)],
            env={**os.environ, "PYTHONPATH": str(PEER)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.proxy = QuietServer(("127.0.0.1", 0), Proxy)
        self.proxy.store = self
        threading.Thread(target=self.proxy.serve_forever, daemon=True).start()
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.proxy.server_port}", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ALLOW_HTTP": "true",
        }  # fmt: skip
        until = time.monotonic() + 30
        while True:
            try:
                self.make_bucket("bucket")
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def make_bucket(self, name):
        asked = urllib.request.Request(f"http://127.0.0.1:{self.behind}/{name}", method="PUT")
        urllib.request.urlopen(asked, timeout=5).close()

    def fault(self, method, path):
        path = path.partition("?")[0]
        self.counts[method] += 1
        for (wanted, end), answers in self.faults.items():
            if wanted == method and path.endswith(end) and answers:
                return answers.pop(0)
        return None

    def close(self):
        self.proxy.shutdown()
        self.proxy.server_close()
        self.moto.kill()
        self.moto.wait()
