"""A real HTTP server on loopback that speaks the OpenAI chat shape, with scripted and random trouble.

As a process:  python tests/stub_server.py --port 0 [--delay 0.2] [--chaos 0.3] [--key K] [--script FILE.json]
[--limit 50 --burst 10 --retry-after 1 --telling]
prints its port on the first line, and answers `GET /stats` with what it was asked; `GET /limit/25` changes the limit.
Times are of the monotonic clock, which all processes of a machine share. In a test:

    with running(delay=0.01, script={...}) as stub:
        stub.url, stub.stats()

A script is a JSON object:
    answers: {text that occurs in the question: answer}     what the model says instead of the question's last number
    rules: [{match: text in the last message, replies: [action, ...], always: bool}]
With `limit` a token bucket of so many requests a second, `burst` at once, answers the others 429 with `Retry-After:
retry_after`; `parallel` does so for more than so many at a time. Both can be changed while it serves. With `telling`
every reply says in OpenAI's headers how many requests are left.
An action is a number (HTTP status), a name (ok, drop, cut, malformed, empty_choices, null_content, stall, redirect,
flood, giant, bomb, deep, long, control, html, echo), or an object {status, headers, body} or {message, finish_reason,
usage}. The n-th request of the
same content gets the n-th reply, then ordinary ones; with `always` the last reply repeats.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import re
import threading
import time
import zlib
from collections import Counter
from contextlib import contextmanager

CHAOS = (
    429, {"status": 429, "headers": {"Retry-After": "0.2"}, "body": "slow down"}, "html", "drop", "cut", "malformed",
    "empty_choices", "null_content", "stall",
)  # fmt: skip

HOSTILE = {
    "deep": lambda: '{"choices": ' + "[" * 2_000_000,
    "long": lambda: json.dumps({"choices": [{"message": {"reasoning": "so " * 3_500_000, "content": "7"}}]}),
    "control": lambda: '{"choices": [{"message": {"content": "\x00\x1b[2J\x07"}}]}',
}


class Stub:
    """What the server knows: its script and its counts. Keys are hashes of whole request bodies."""

    def __init__(
        self, script=None, delay=0.0, chaos=0.0, seed=0, key=None, stall=2.0, limit=None, burst=1, retry_after=None,
        parallel=None, telling=False,
    ):  # fmt: skip
        script = script or {}
        self.answers, self.rules = script.get("answers", {}), script.get("rules", [])
        self.delay, self.chaos, self.seed, self.key, self.stall = delay, chaos, seed, key, stall
        self.limit, self.burst, self.retry_after, self.parallel = limit, burst, retry_after, parallel
        self.telling = telling
        self.left, self.filled_at = float(burst), time.monotonic()
        self.accepted_at, self.refused_at = [], []
        self.counts = Counter()
        self.finished = {}
        self.bodies = []
        self.open = self.most_open = 0
        self.sent_at = []
        self.port = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def stats(self):
        counts, finished = dict(self.counts), dict(self.finished)  # the serving thread goes on counting
        return {
            "requests": sum(counts.values()),
            "distinct": len(counts),
            "finished": len(finished),
            "finished_at": finished,
            "most_per_key": max(counts.values(), default=0),
            "per_key": counts,
            "most_open": self.most_open,
            "accepted_at": self.accepted_at[:],
            "refused_at": self.refused_at[:],
        }

    def action(self, key, body):
        turn = self.counts[key] - 1
        said = body["messages"][-1]["content"]
        for rule in self.rules:
            if rule["match"] in said:
                if turn < len(rule["replies"]):
                    return rule["replies"][turn]
                return rule["replies"][-1] if rule.get("always") else "ok"
        dice = random.Random(f"{self.seed} {key} {turn}")
        return dice.choice(CHAOS) if dice.random() < self.chaos else "ok"

    def refuses(self, now):
        """Whether a request is over the limits."""
        if self.limit is not None:
            self.left = min(self.burst, self.left + (now - self.filled_at) * self.limit)
            self.filled_at = now
        over = (self.limit is not None and self.left < 1) or (self.parallel is not None and self.open > self.parallel)
        (self.refused_at if over else self.accepted_at).append(now)
        if not over:
            self.left -= 1
        return over

    def told(self):
        """Return the rate-limit headers of a reply."""
        if not self.telling:
            return {}
        return {
            "x-ratelimit-limit-requests": self.burst,
            "x-ratelimit-remaining-requests": max(0, int(self.left)),
            "x-ratelimit-reset-requests": f"{int(1000 * (self.burst - self.left) / self.limit)}ms",
        }

    def completion(self, body, **changes):
        said = body["messages"][-1]["content"]
        numbers = re.findall(r"\d+", said)
        answer = next((a for text, a in self.answers.items() if text in said), numbers[-1] if numbers else "0")
        content = f"<think>\nThe question has {len(said)} characters; the seed is {body.get('seed')}.\n</think>\n\n"
        message = changes.get("message", {"role": "assistant", "content": f"{content}The answer is {answer}."})
        return {
            "id": "stub",
            "object": "chat.completion",
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": changes.get("finish_reason", "stop")}],
            "usage": changes.get("usage", {"prompt_tokens": len(said.split()), "completion_tokens": 20}),
        }


class Connection(asyncio.Protocol):
    def __init__(self, stub):
        self.stub, self.buffer = stub, b""
        self.busy = False

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _):
        if self.busy:
            self.stub.open -= 1
            self.busy = False

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0 or self.busy:
            return
        head = self.buffer[:end].decode("latin-1")
        length = re.search(r"(?i)\r\ncontent-length: (\d+)", head)
        size = int(length[1]) if length else 0
        if len(self.buffer) < end + 4 + size:
            return
        body, self.buffer = self.buffer[end + 4 : end + 4 + size], self.buffer[end + 4 + size :]
        method, path, _ = head.split(" ", 2)
        if method == "GET" and path == "/stats":
            self.write(200, json.dumps(self.stub.stats()))
        elif method == "GET" and path.startswith("/limit/"):
            self.stub.limit = float(path.removeprefix("/limit/"))
            self.write(200, "{}")
        elif method == "POST" and path.endswith("/v1/chat/completions"):
            self.chat(head, body)
        else:
            self.write(404, json.dumps({"detail": "Not Found"}))

    def chat(self, head, raw):
        stub = self.stub
        body = json.loads(raw)
        key = hashlib.sha256(raw).hexdigest()[:16]
        stub.counts[key] += 1
        stub.sent_at.append(time.monotonic())
        stub.bodies.append(body)
        stub.open += 1
        stub.most_open = max(stub.most_open, stub.open)
        self.busy = True
        sent_key = re.search(r"(?i)\r\nauthorization: Bearer (\S+)", head)
        action = stub.action(key, body)
        if stub.key is not None and (sent_key is None or sent_key[1] != stub.key):
            action = {"status": 401, "body": json.dumps({"error": {"message": f"wrong key {head}", "code": "auth"}})}
        if stub.refuses(time.monotonic()):
            headers = {} if stub.retry_after is None else {"Retry-After": str(stub.retry_after)}
            self.act({"status": 429, "headers": headers, "body": '{"error": {"message": "too fast"}}'}, key, body, head)
            return
        delay = stub.delay + (stub.stall if action == "stall" else 0)
        if delay:
            asyncio.get_running_loop().call_later(delay, self.act, action, key, body, head)
        else:
            self.act(action, key, body, head)

    def act(self, action, key, body, head):
        if self.transport.is_closing():
            return
        if self.busy:
            self.stub.open -= 1
            self.busy = False
        whole = json.dumps(self.stub.completion(body))
        if isinstance(action, int):
            self.write(action, json.dumps({"error": {"message": f"status {action}"}}))
        elif isinstance(action, dict) and "status" in action:
            self.write(action["status"], action.get("body", ""), action.get("headers", {}))
        elif isinstance(action, dict):
            self.stub.finished[key] = time.time()
            self.write(200, json.dumps(self.stub.completion(body, **action)))
        elif action == "drop":
            self.transport.abort()
        elif action == "cut":
            self.transport.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(whole)}\r\n\r\n{whole[:40]}".encode())
            self.transport.close()
        elif action == "malformed":
            self.write(200, whole[:-9])
        elif action == "empty_choices":
            self.write(200, json.dumps({"choices": [], "usage": {}}))
        elif action == "null_content":
            self.write(200, json.dumps(self.stub.completion(body, message={"role": "assistant", "content": None})))
        elif action == "redirect":
            self.write(307, "", {"Location": "http://127.0.0.1:9/elsewhere"})
        elif action == "html":
            self.write(500, "<html><body>Internal Server Error</body></html>", {"Content-Type": "text/html"})
        elif action == "flood":
            self.transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            self.flood()
        elif action == "giant":
            self.transport.write(f"HTTP/1.1 200 OK\r\nContent-Length: {2**30}\r\n\r\n".encode())
            self.flood(b" " * 0x10000)
        elif action in HOSTILE:
            self.write(200, HOSTILE[action]())
        elif action == "bomb":
            body = zlib.compress(b" " * (64 << 20), 9)
            head = f"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: {len(body)}\r\n\r\n"
            self.transport.write(head.encode() + body)
        elif action == "echo":
            self.stub.finished[key] = time.time()
            said = f"<think>headers were {head}</think> 7"
            self.write(200, json.dumps(self.stub.completion(body, message={"content": said})))
        else:
            self.stub.finished[key] = time.time()
            self.write(200, whole)

    def flood(self, chunk=b"10000\r\n" + b" " * 0x10000 + b"\r\n"):
        """An endless body, as fast as it is read."""
        if not self.transport.is_closing():
            if self.transport.get_write_buffer_size() < 1 << 20:
                self.transport.write(chunk)
            asyncio.get_running_loop().call_later(0.0005, self.flood, chunk)

    def write(self, status, body, headers=None):
        lines = {"Content-Type": "application/json", "Content-Length": len(body.encode())}
        lines |= self.stub.told() | (headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.transport.write(f"HTTP/1.1 {status} Status\r\n{head}\r\n{body}".encode())


async def _serve(stub, port, ready, stop):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(stub), "127.0.0.1", port, backlog=1024)
    stub.port = server.sockets[0].getsockname()[1]
    ready(loop)
    try:
        await stop.wait()
    finally:
        server.close()


@contextmanager
def running(**settings):
    """Serve in a thread of this process."""
    stub = Stub(**settings)
    started = threading.Event()
    stop = asyncio.Event()
    loops = []

    def ready(loop):
        loops.append(loop)
        started.set()

    thread = threading.Thread(target=lambda: asyncio.run(_serve(stub, 0, ready, stop)), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield stub
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each reply")
    parser.add_argument("--chaos", type=float, default=0.0, help="share of requests that go wrong")
    parser.add_argument("--seed", type=int, default=0, help="of the chaos")
    parser.add_argument("--stall", type=float, default=2.0, help="seconds of a stall")
    parser.add_argument("--key", help="refuse requests without this key")
    parser.add_argument("--script", help="JSON file")
    parser.add_argument("--limit", type=float, help="requests a second, by a token bucket")
    parser.add_argument("--burst", type=int, default=1, help="size of the bucket")
    parser.add_argument("--retry-after", type=float, help="seconds")
    parser.add_argument("--telling", action="store_true", help="say in headers how many requests are left")
    args = parser.parse_args()
    script = None
    if args.script:
        with open(args.script) as file:
            script = json.load(file)
    stub = Stub(
        script, args.delay, args.chaos, args.seed, args.key, args.stall, args.limit, args.burst, args.retry_after,
        telling=args.telling,
    )  # fmt: skip
    asyncio.run(_serve(stub, args.port, lambda _: print(stub.port, flush=True), asyncio.Event()))


if __name__ == "__main__":
    main()
