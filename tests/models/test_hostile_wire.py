"""Replies that are no HTTP, no end, no JSON or no completion: one recorded failure each, whatever else is under way."""

import gzip
import json
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from potstill.models.ledger import Ledger

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MEMORY_MB = 300


def reply(body, *headers, status="200 OK"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    # It closes after each reply and says so: otherwise the client may ask the next thing on a connection that is gone.
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", "Connection: close", *headers)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + data


def said(content, **more):
    return {"choices": [{"message": {"content": content}, **more}]}


def nested(depth):
    return b'[{"type":"text","text":' * depth + b'"x"' + b"}]" * depth


def endless(head, piece, pause=0.0):
    """Begin with `head` and go on with `piece` for ever."""
    return head, piece, pause


ATTACKS = {
    # name: (what is sent, the start of the failure that is recorded)
    "headers": (endless(OK, b"X-A: " + b"a" * 1000 + b"\r\n"), "connection: no valid HTTP (Too many headers"),
    "header": (endless(OK + b"X: ", b"a" * 65536), "connection: no valid HTTP (Got more than 8190 bytes"),
    "status-line": (endless(b"HTTP/1.1 200 ", b"a" * 65536), "connection: no valid HTTP (Got more than 8190 bytes"),
    "continue": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 20), "timeout"),
    "trailers": (
        endless(CHUNKED + b"1\r\na\r\n0\r\n", b"X: " + b"a" * 1000 + b"\r\n"),
        # by whether the head had been handed over when the trailers came
        ("connection: the body was cut", "connection: no valid HTTP (Too many headers"),
    ),
    "extension": (endless(CHUNKED + b"1;", b"a" * 65536), "timeout"),
    "tiny-chunks": (endless(CHUNKED, b"1\r\na\r\n" * 1000), ("timeout", "oversized")),
    "trickle": (endless(OK + b"Content-Length: 1000\r\n\r\n", b" ", 0.2), "timeout"),
    "upgrade": (endless(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", b"a" * 65536), "HTTP 101"),
    "noise": (b"\x00\xff" * 1000 + b"\r\n\r\n", "connection: no valid HTTP (Bad status line)"),
    "no-head": (b"{}", "connection: no valid HTTP (Bad status line)"),
    "two-lengths": (OK + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\n{}", "connection: no valid HTTP (Duplicate"),
    "length": (OK + b"Content-Length: 99999999999999999999999\r\n\r\n{}", "connection: no valid HTTP (Content-Length"),
    "negative": (OK + b"Content-Length: -5\r\n\r\n{}", "connection: no valid HTTP (Invalid character"),
    "cookie": (OK + b"Set-Cookie: \x00\xff;;;=;\r\nContent-Length: 2\r\n\r\n{}", "connection: no valid HTTP (Invalid"),
    "gzip": (reply(gzip.compress(b" " * (200 << 20), 1), "Content-Encoding: gzip"), "oversized body"),
    "no-gzip": (reply(b"nonsense", "Content-Encoding: gzip"), "connection: the body was cut off"),
    "brotli": (reply(b"nonsense", "Content-Encoding: br"), "connection: no valid HTTP (Can not decode"),
    "to-file": (
        reply(b"", "Location: file:" + "///proc/self/environ", status="302 Found"),
        "HTTP 302: redirects to file:" + "///proc/",
    ),
    "to-cloud": (
        reply(b"", "Location: http://169.254.169.254/", status="307 X"),
        "HTTP 307: redirects to http://169.2",
    ),
    "to-nowhere": (reply(b"", "Location: \xff\xfe \x80", status="302 Found"), "HTTP 302: redirects to"),
    "later": (reply(b"", "Retry-After: Mon, 99 Foo 99999999999 99:99:99 +9999999", status="503 X"), "HTTP 503"),
    "never": (reply(b"", "Retry-After: nan", "retry-after-ms: -inf", status="503 X"), "HTTP 503"),
    "600": (reply(b"", status="600 X"), "HTTP 600"),
    "deep-content": (reply(b'{"choices":[{"message":{"content":%s}}]}' % nested(480)), "empty completion"),
    "deep-error": (reply(b'{"error":{"message":%s,"code":%s}}' % (nested(480), nested(90))), "HTTP 500: [{'text':"),
    "deep-reason": (reply(b'{"choices":[{"message":{},"finish_reason":%s}]}' % nested(480)), "finish_reason list"),
    "deep-lists": (reply(b"[" * 1000 + b"]" * 1000), "malformed body"),
    "deep-objects": (reply(b'{"error":' + b'{"message":' * 1000 + b"1" + b"}" * 1000 + b"}"), "HTTP 500: {'message'"),
    "many-lists": (reply(b'{"choices":[' + b"[]," * 5_000_000 + b"[]]}"), "malformed body: in too many pieces"),
    "many-objects": (reply(b'{"choices":[' + b'{"a":{}},' * 1_600_000 + b"[]]}"), "malformed body: in too many pieces"),
    "nan": (reply(b'{"choices":[{"message":{"content":NaN}}],"usage":{"prompt_tokens":-1e999}}'), "empty completion"),
    "digits": (reply(b'{"choices":[{"message":{"content":""}}],"usage":' + b"9" * 10**6 + b"}"), "empty completion"),
    "twice": (reply(b'{"choices":[],"choices":[{"message":{"content":"7"},"message":null}]}'), "malformed body"),
    "half-character": (reply(b'{"choices":[{"message":{"content":"","refusal":"\\ud800 no"}}]}'), "refusal: ? no"),
    "no-utf-8": (reply(b'{"error":{"message":"\xff\xfe\x80 \xe2"}}'), "HTTP 500: \ufffd"),
    "escapes": (reply(said("", finish_reason="content_filter\x1b[2J\x00")), "finish_reason content_filter"),
    "choices": (reply({"choices": {"0": 1}}), "malformed body"),
    "number": (reply(b"7"), "malformed body"),
    "null": (reply(b"null"), "malformed body"),
    "anthropic": (
        reply({"type": "message", "content": [[], None, {"type": []}], "stop_reason": {}}),
        "finish_reason dict",
    ),
    "responses": (reply({"object": "response", "status": [], "output": [{"type": [], "content": 3}]}), "empty"),
    "no-content": (b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n", "HTTP 204"),
}
FINE = reply(said("7", finish_reason="stop"))
CLIENT = """
    import io, sys
    from pathlib import Path
    from potstill import recipe
    from potstill.models.ledger import Ledger
    from potstill.models.requests import Message, Request
    from potstill.models.served.client import RetryPolicy, ServedModel
    from potstill.progress import Progress
    url, path, names = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    model = ServedModel(
        recipe.ServedTeacher(kind="served", base_url=url, model="m", timeout=8.0, concurrency=8),
        RetryPolicy(tries=2, first_wait=0.01, failures=10_000),
    )
    wanted = [
        Request(messages=(Message("user", name),), model=name, sampling={}, sample=0)
        for name in ("fine", *names, "fine too")
    ]
    with Ledger(path) as ledger:
        for part in (wanted[:1], wanted):
            model.collect(part, ledger, Progress("t", stream=io.StringIO()))
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


def attack(connection):
    """Answer requests on a connection, each by the attack that it names."""
    data = b""
    while b"\r\n\r\n" not in data or len(data) < data.index(b"\r\n\r\n") + 4 + int(
        re.search(rb"(?i)content-length: (\d+)", data)[1]
    ):
        data += connection.recv(65536)
    name = json.loads(data.split(b"\r\n\r\n", 1)[1])["model"]
    sent = FINE if name.startswith("fine") else ATTACKS[name][0]
    if isinstance(sent, bytes):
        connection.sendall(sent)
        return
    head, piece, pause = sent
    connection.sendall(head)
    while True:
        connection.sendall(piece)
        time.sleep(pause)


@contextmanager
def serving():
    def one(connection):
        with connection, suppress(OSError):
            attack(connection)

    def accept():
        with suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """The peak memory of a client under all attacks at once, in MB, and what it recorded."""
    path = tmp_path_factory.mktemp("hostile") / "l.sqlite"
    with serving() as url:
        command = [sys.executable, "-c", textwrap.dedent(CLIENT), url, str(path), *ATTACKS]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 0, ended.stderr
    with Ledger(path, write=False) as ledger:
        rows = {row["model"]: row for row in ledger.records()}
    return int(ended.stdout) // 1024, rows


@pytest.mark.parametrize("name", ATTACKS)
def test_one_recorded_failure(outcome, name):
    row = outcome[1][name]
    assert row["finish"] in ("failed", "refused")
    assert row["failure"].startswith(ATTACKS[name][1])
    assert row["failure"].isprintable()
    assert len(row["failure"]) <= 300
    assert row["tries"] <= 2
    # Of a failure a beginning is kept; a refused reply was paid for and stays whole.
    assert len(row["body"]) <= (4096 if row["finish"] == "failed" else 20_000)


def test_the_rest_goes_on_in_bounded_memory(outcome):
    megabytes, rows = outcome
    assert len(rows) == len(ATTACKS) + 2
    assert rows["fine"]["finish"] == rows["fine too"]["finish"] == "stop"
    assert megabytes < MEMORY_MB
