"""Batches against a real HTTP server that implements both providers' interfaces, killed clients included."""

import collections
import datetime
import email.parser
import email.policy
import http.server
import json
import os
import random
import re
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager

import pytest

from potstill import recipe
from potstill.errors import TeacherError
from potstill.models.batch.book import Book
from potstill.models.batch.client import BatchModel, Pace, _dump
from potstill.models.ledger import Ledger
from potstill.models.requests import Message, Request
from potstill.models.served.faults import FaultError
from potstill.progress import Progress

FAST = Pace(part=10, first_look=0.01, longest_look=0.05, tries=4, first_wait=0.01, longest_wait=0.02, settle=0.05)
WIRES = ("openai", "anthropic")
KEY = "sk-secret-0123456789abcdef"
USAGE = {"prompt_tokens": 7, "completion_tokens": 11}


class Provider:
    """Files, batches and their results. `asked` counts how often each request was ordered."""

    def __init__(self):
        self.lock = threading.Lock()
        self.files, self.batches = {}, {}
        self.asked = collections.Counter()
        self.questions = {}
        self.calls = []
        self.largest = 0
        self.looks = 1
        """Looks at a batch before it has ended."""
        self.outcomes = {}
        """Part of a question -> what becomes of it instead of an answer."""
        self.faults = []
        """(method and path, action), each used once: a status, `lose` (done, but never answered), `cut`, `endless`."""
        self.stop_at = ""
        self.stopped, self.go_on = threading.Event(), threading.Event()
        self.room = None
        """Requests that OpenAI keeps waiting at a time."""
        self.end = ""
        """How batches end that do not run to their end: expired or cancelled, with an answer to every other request."""

    def fault(self, line):
        with self.lock:
            for number, (pattern, action) in enumerate(self.faults):
                if re.fullmatch(pattern, line):
                    del self.faults[number]
                    return action
        return None

    def order(self, items, **more):
        """Begin a batch of [(custom_id, body)]."""
        with self.lock:
            name = f"batch_{len(self.batches)}"
            waiting = sum(len(batch["items"]) for batch in self.batches.values() if not batch["ended"])
            full = self.room is not None and waiting + len(items) > self.room
            if not full:
                self.asked.update(key for key, _ in items)
            self.batches[name] = {
                "items": items,
                "left": self.looks,
                "ended": full,
                "full": full,
                "at": time.time(),
                **more,
            }
            return name

    def outcome(self, body):
        said = body["messages"][-1]["content"]
        unanswered = self.end and int(re.findall(r"[0-9]+", said)[0]) % 2
        return (
            self.end if unanswered else next((outcome for part, outcome in self.outcomes.items() if part in said), None)
        )


def answered(body):
    return f"The answer is {re.findall(r'[0-9]+', body['messages'][-1]['content'])[0]}."


class OpenAI:
    def __init__(self, provider):
        self.p = provider

    def post(self, path, headers, raw):
        p = self.p
        if path == "/v1/files":
            head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
            form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + raw)
            parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
            assert parts["purpose"].get_content().strip() == "batch"
            name = f"file-{len(p.files)}"
            p.files[name] = parts["file"].get_payload(decode=True)
            return {"id": name, "object": "file", "purpose": "batch"}
        order = json.loads(raw)
        assert (path, order["endpoint"], order["completion_window"]) == ("/v1/batches", "/v1/chat/completions", "24h")
        lines = [json.loads(line) for line in p.files[order["input_file_id"]].splitlines()]
        assert all((line["method"], line["url"]) == ("POST", "/v1/chat/completions") for line in lines)
        items = [(line["custom_id"], line["body"]) for line in lines]
        return self.show(p.order(items, file=order["input_file_id"]))

    def show(self, name):
        batch = self.p.batches[name]
        faulty = [n for n, (_, body) in enumerate(batch["items"]) if self.p.outcome(body) == "faulty"]
        shown = {"id": name, "object": "batch", "input_file_id": batch["file"], "created_at": int(batch["at"])}
        if batch["full"]:
            error = {"code": "token_limit_exceeded", "line": None, "message": "Enqueued token limit reached"}
            return shown | {"status": "failed", "errors": {"object": "list", "data": [error]}}
        if faulty:
            batch["ended"] = True
            data = [{"code": "invalid", "line": n + 1, "message": "bad line"} for n in faulty]
            return shown | {"status": "failed", "errors": {"object": "list", "data": data}}
        done = len(batch["items"]) if batch["ended"] else 0
        counts = {"total": len(batch["items"]), "completed": done, "failed": 0}
        files = {"output_file_id": f"{name}-out", "error_file_id": f"{name}-err"} if batch["ended"] else {}
        status = self.p.end or "completed" if batch["ended"] else "in_progress"
        return shown | files | {"status": status, "request_counts": counts}

    def get(self, path):
        p = self.p
        if found := re.fullmatch(r"/v1/files/(.+)-(out|err)/content", path):
            items = random.Random(1).sample(p.batches[found[1]]["items"], len(p.batches[found[1]]["items"]))
            lines = [(kind, line) for kind, line in map(self.line, items) if line]
            return b"".join(json.dumps(line).encode() + b"\n" for kind, line in lines if kind == found[2])
        if found := re.fullmatch(r"/v1/files/(.+)/content", path):
            return p.files[found[1]]
        if path.startswith("/v1/batches?"):
            return {"data": [self.show(name) for name in reversed(p.batches)], "has_more": False}
        return self.show(look(p, path))

    def line(self, item):
        key, body = item
        outcome = self.p.outcome(body)
        if outcome == "missing":
            return "out", None
        if outcome in ("expired", "cancelled"):
            error = {"code": f"batch_{outcome}", "message": "This request could not be executed in time."}
            return "err", {"custom_id": key, "response": None, "error": error}
        if outcome == "refused":
            response = {"status_code": 400, "body": {"error": {"message": "flagged", "type": "invalid_request_error"}}}
            return "err", {"custom_id": key, "response": response, "error": None}
        if outcome == "overloaded":
            response = {"status_code": 500, "body": {"error": {"message": "overloaded"}}}
            return "err", {"custom_id": key, "response": response, "error": None}
        message = {"role": "assistant", "content": outcome or answered(body)}
        reply = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": USAGE}
        return "out", {"custom_id": key, "response": {"status_code": 200, "body": reply}, "error": None}


class Anthropic:
    def __init__(self, provider):
        self.p = provider

    def post(self, path, headers, raw):
        assert path == "/v1/messages/batches"
        items = [(item["custom_id"], item["params"]) for item in json.loads(raw)["requests"]]
        assert all("seed" not in body and body["max_tokens"] for _, body in items)
        assert all(message["role"] != "system" for _, body in items for message in body["messages"])
        return self.show(self.p.order(items))

    def show(self, name):
        batch = self.p.batches[name]
        size = len(batch["items"])
        counts = {"processing": 0, "succeeded": size} if batch["ended"] else {"processing": size, "succeeded": 0}
        return {
            "id": name,
            "type": "message_batch",
            "processing_status": "ended" if batch["ended"] else "in_progress",
            "request_counts": counts | {"errored": 0, "canceled": 0, "expired": 0},
            "created_at": datetime.datetime.fromtimestamp(batch["at"], datetime.UTC).isoformat(),
            "results_url": "http://127.0.0.1:9/elsewhere",
        }

    def get(self, path):
        if found := re.fullmatch(r"/v1/messages/batches/([^/]+)/results", path):
            lines = [self.line(item) for item in reversed(self.p.batches[found[1]]["items"])]
            return b"".join(json.dumps(line).encode() + b"\n" for line in lines if line)
        if path.startswith("/v1/messages/batches?"):
            return {"data": [self.show(name) for name in reversed(self.p.batches)], "has_more": False}
        return self.show(look(self.p, path))

    def line(self, item):
        key, body = item
        outcome = self.p.outcome(body)
        if outcome == "missing":
            return None
        kinds = {"refused": "invalid_request_error", "overloaded": "overloaded_error"}
        if outcome in kinds:
            error = {"type": "error", "error": {"type": kinds[outcome], "message": "flagged"}}
            return {"custom_id": key, "result": {"type": "errored", "error": error}}
        if outcome in ("expired", "cancelled"):
            return {"custom_id": key, "result": {"type": outcome.replace("ll", "l")}}
        message = {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": outcome or answered(body)}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 7, "output_tokens": 11},
        }
        return {"custom_id": key, "result": {"type": "succeeded", "message": message}}


def look(provider, path):
    name = path.rsplit("/", 1)[1]
    batch = provider.batches[name]
    batch["left"] -= 1
    batch["ended"] = batch["ended"] or batch["left"] < 0
    return name


def handler(provider, interface):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.answer(lambda: interface.get(self.path))

        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            provider.largest = max(provider.largest, len(raw))
            self.answer(lambda: interface.post(self.path, self.headers, raw))

        def answer(self, act):
            line = f"{self.command} {self.path}"
            provider.calls.append((line, dict(self.headers)))
            action = provider.fault(line)
            if isinstance(action, int):
                self.reply(action, {"error": {"message": f"no: {dict(self.headers)}"}}, {"retry-after": "0.01"})
                return
            body = act()
            if provider.stop_at and re.fullmatch(provider.stop_at, line):
                provider.stopped.set()
                provider.go_on.wait(30)
            if action == "lose":
                self.close_connection = True
            elif action == "endless":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                self.close_connection = True
                for _ in range(400):
                    self.wfile.write(b" " * 65536)
            else:
                self.reply(200, body, cut=action == "cut")

        def reply(self, status, body, headers=(), cut=False):
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": len(data), **dict(headers)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.close_connection = cut
            try:
                self.wfile.write(data[: len(data) // 2] if cut else data)
            except OSError:
                self.close_connection = True

        def log_message(self, *_):
            pass

    return Handler


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """Clients are killed here."""


@contextmanager
def running(wire):
    provider = Provider()
    interface = {"openai": OpenAI, "anthropic": Anthropic}[wire](provider)
    server = Quiet(("127.0.0.1", 0), handler(provider, interface))
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield provider
    finally:
        provider.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


def settings(provider, wire, **changes):
    fields = {"base_url": provider.url, "model": "m", "wire": wire, "executor": "batch", **changes}
    return recipe.ServedTeacher(kind="served", **fields)


def requests(count, start=0):
    for number in range(start, count):
        turns = (Message("system", "Think."), Message("user", f"What is {number} and no more?"))
        yield Request(messages=turns, model="m", sampling={"max_tokens": 64, "seed": number}, sample=0)


def key_of(number):
    return list(requests(number + 1))[number].key


@pytest.fixture
def ask(tmp_path):
    def run(teacher, wanted, pace=FAST, follow=None):
        with Ledger(tmp_path / "l.sqlite") as ledger, open(os.devnull, "w") as nowhere:
            return BatchModel(teacher, pace).collect(wanted, ledger, Progress("traces", None, stream=nowhere), follow)

    return run


@pytest.fixture
def rows(tmp_path):
    def read():
        with Ledger(tmp_path / "l.sqlite") as ledger:
            return {completion.key: completion for completion in ledger}

    return read


@pytest.mark.parametrize("wire", WIRES)
def test_parts_are_sent_read_and_never_sent_again(ask, rows, wire):
    with running(wire) as provider:
        request_counts = ask(settings(provider, wire), requests(25))
        assert (request_counts.kept, request_counts.sent, request_counts.finishes["stop"]) == (0, 25, 25)
        assert sorted(len(batch["items"]) for batch in provider.batches.values()) == [5, 10, 10]
        again = ask(settings(provider, wire), requests(26))
        assert (again.kept, again.sent) == (25, 1)
        assert set(provider.asked.values()) == {1}
        first = dict(provider.batches["batch_0"]["items"])[key_of(0)]
    done = rows()[key_of(3)]
    assert (done.content, done.finish, done.prompt_tokens, done.completion_tokens) == (
        "The answer is 3.",
        "stop",
        7,
        11,
    )
    said = [("system", "Think."), ("user", "What is 0 and no more?")]
    if wire == "anthropic":
        assert first == {"model": "m", "system": "Think.", "messages": [{"role": "user", "content": said[1][1]}],
                         "max_tokens": 64}  # fmt: skip
    else:
        assert [(turn["role"], turn["content"]) for turn in first["messages"]] == said
        assert (first["max_tokens"], first["seed"]) == (64, 0)


@pytest.mark.parametrize("wire", WIRES)
def test_parts_are_bounded_in_bytes(ask, wire):
    with running(wire) as provider:
        ask(settings(provider, wire), requests(20), Pace(**(vars(FAST) | {"part_bytes": 1600})))
        assert 800 < provider.largest < 1600 + 500  # what a form adds
        assert sum(provider.asked.values()) == 20


@pytest.mark.parametrize("wire", WIRES)
def test_each_request_has_its_fate(ask, rows, wire):
    with running(wire) as provider:
        provider.outcomes = {" 1 ": "expired", " 2 ": "refused", " 3 ": "overloaded", " 4 ": "missing"}
        request_counts = ask(settings(provider, wire), requests(8))
        assert request_counts.finishes == {"stop": 4, "length": 0, "refused": 1, "failed": 3}
        found = rows()
        assert found[key_of(1)].failure.startswith("expired:")
        assert (found[key_of(2)].finish, "flagged" in found[key_of(2)].failure) == ("refused", True)
        assert found[key_of(3)].finish == "failed"
        assert found[key_of(4)].failure.startswith("no result:")
        provider.outcomes = {}
        again = ask(settings(provider, wire), requests(8))
        assert (again.kept, again.sent, again.finishes["stop"]) == (5, 3, 3)
        assert provider.asked[key_of(2)] == 1


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_of_a_batch_that_did_not_run_to_its_end_only_the_rest_is_asked_again(ask, rows, wire, end):
    with running(wire) as provider:
        provider.end = end
        request_counts = ask(settings(provider, wire), requests(20))
        assert request_counts.finishes == {"stop": 10, "length": 0, "refused": 0, "failed": 10}
        word = {"openai": end, "anthropic": end.replace("ll", "l")}[wire]
        assert {row.failure.split(":")[0] for row in rows().values() if row.failure} == {word}
        provider.end = ""
        again = ask(settings(provider, wire), requests(20))
        assert (again.kept, again.sent, again.finishes["stop"]) == (10, 10, 10)
        assert all(provider.asked[key_of(number)] == 1 + number % 2 for number in range(20))
    assert {done.content for done in rows().values()} == {f"The answer is {number}." for number in range(20)}


@pytest.mark.parametrize("wire", WIRES)
def test_harmful_results_cost_one_failure_each(ask, rows, wire):
    with running(wire) as provider:
        provider.outcomes = {" 1 ": "so " * 2_000_000, " 2 ": "\ud800 half", " 3 ": "\x00\x1b[2J"}
        request_counts = ask(settings(provider, wire), requests(6))
        assert request_counts.finishes == {"stop": 5, "length": 0, "refused": 0, "failed": 1}
        found = rows()
    assert found[key_of(1)].failure.startswith("oversized text: more than")
    assert found[key_of(2)].content == "\ufffd half"


def test_json_again_or_a_fault():
    assert _dump({"a": [1, None, "é"]}) == '{"a":[1,null,"é"]}'.encode()
    for odd in ("\ud800", 2**70, float("nan")):
        assert json.loads(_dump({"a": odd}))["a"] in (odd, None)
    deep = []
    for _ in range(2000):
        deep = [deep]
    with pytest.raises(FaultError, match="nested too deeply"):
        _dump(deep)


def test_a_file_that_grows_without_end_is_not_read_without_end(ask, monkeypatch):
    """The provider refuses the batch for one line and then gives back another file than was sent."""
    with running("openai") as provider:
        provider.outcomes = {" 4 ": "faulty"}
        real = OpenAI.get

        def get(self, path):
            body = real(self, path)
            return body * 50 if re.fullmatch(r"/v1/files/file-[0-9]+/content", path) else body

        monkeypatch.setattr(OpenAI, "get", get)
        with pytest.raises(TeacherError, match="is not the one that was sent"):
            ask(settings(provider, "openai"), requests(10))


POINTS = {
    "openai": ("POST /v1/files", "POST /v1/batches", "GET /v1/batches/.*", "GET /v1/files/.*-out/content"),
    "anthropic": ("POST /v1/messages/batches", "GET /v1/messages/batches/[^/]*", "GET /v1/messages/batches/.*/results"),
}
CLIENT = """
    import sys
    from pathlib import Path
    sys.path[:0] = sys.argv[3:]
    from test_batch import FAST, requests, recipe, BatchModel, Ledger, Progress
    teacher = recipe.ServedTeacher(kind="served", base_url=sys.argv[1], model="m", wire=sys.argv[2], executor="batch")
    with Ledger(Path("l.sqlite")) as ledger:
        BatchModel(teacher, FAST).collect(requests(24), ledger, Progress("traces", None))
"""


def client(folder, provider, wire):
    code = [sys.executable, "-c", textwrap.dedent(CLIENT), provider.url, wire, os.path.dirname(__file__)]
    return subprocess.Popen(code, cwd=folder, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize(("wire", "point"), [(wire, point) for wire in WIRES for point in POINTS[wire]])
def test_killed_anywhere_it_finds_its_batches_again(tmp_path, ask, rows, wire, point):
    """The server has done what was asked and the client is killed before it hears of it."""
    with running(wire) as provider:
        provider.stop_at = point
        process = client(tmp_path, provider, wire)
        try:
            assert provider.stopped.wait(30)
        finally:
            process.kill()
            process.wait()
        provider.stop_at = ""
        provider.go_on.set()
        request_counts = ask(settings(provider, wire), requests(24))
        assert set(provider.asked.values()) == {1}
        assert len(provider.asked) == 24
    assert request_counts.finishes["stop"] + request_counts.kept == 24
    assert {done.finish for done in rows().values()} == {"stop"}
    assert len(rows()) == 24


@pytest.mark.soak
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("seed", range(4 if os.environ.get("POTSTILL_SOAK") == "short" else 34))
def test_killed_again_and_again_at_random(tmp_path, rows, wire, seed):
    dice = random.Random(seed)
    with running(wire) as provider:
        provider.looks = 3
        for _ in range(3):
            process, until = client(tmp_path, provider, wire), len(provider.calls) + dice.randint(1, 9)
            while process.poll() is None and len(provider.calls) < until:
                time.sleep(0.0005)
            time.sleep(0.01 * dice.random())
            process.kill()
            process.wait()
        assert client(tmp_path, provider, wire).wait(60) == 0
        assert set(provider.asked.values()) == {1}
    assert [done.finish for done in rows().values()] == ["stop"] * 24


@pytest.mark.parametrize("wire", WIRES)
def test_an_order_whose_answer_was_lost_stands(ask, wire):
    path = "/v1/batches" if wire == "openai" else "/v1/messages/batches"
    with running(wire) as provider:
        provider.faults = [(f"POST {path}", "lose"), (f"POST {path}", 503), (f"POST {path}", 429)]
        request_counts = ask(settings(provider, wire), requests(30))
        assert request_counts.finishes["stop"] == 30
        assert set(provider.asked.values()) == {1}


@pytest.mark.parametrize("wire", WIRES)
def test_results_that_break_off_are_read_again(ask, wire):
    path = "GET /v1/files/.*-out/content" if wire == "openai" else "GET /v1/messages/batches/.*/results"
    with running(wire) as provider:
        provider.faults = [(path, "cut"), (path, 500), (path, "endless")]
        request_counts = ask(settings(provider, wire), requests(12))
        assert request_counts.finishes == {"stop": 12, "length": 0, "refused": 0, "failed": 0}
        assert set(provider.asked.values()) == {1}


@pytest.mark.parametrize("wire", WIRES)
def test_an_unreachable_provider_stops_the_run_and_batches_go_on(ask, rows, wire):
    with running(wire) as provider:
        path = "/v1/batches/.*" if wire == "openai" else "/v1/messages/batches/[^/]*"
        provider.faults = [(f"GET {path}", 502)] * FAST.tries
        with pytest.raises(TeacherError, match="run again to read them"):
            ask(settings(provider, wire), requests(10))
        assert ask(settings(provider, wire), requests(10)).finishes["stop"] == 10
        assert set(provider.asked.values()) == {1}


@pytest.mark.parametrize("wire", WIRES)
def test_a_wrong_key_stops_with_one_line(ask, monkeypatch, wire):
    monkeypatch.setenv("TEST_KEY", KEY)
    with running(wire) as provider:
        provider.faults = [("POST .*", 401)]
        with pytest.raises(TeacherError, match="HTTP 401") as caught:
            ask(settings(provider, wire, api_key_env="TEST_KEY"), requests(10))
        assert KEY not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert ask(settings(provider, wire, api_key_env="TEST_KEY"), requests(10)).sent == 10


@pytest.mark.parametrize("wire", WIRES)
def test_redirects_are_not_followed(ask, wire):
    with running(wire) as provider:
        provider.faults = [("POST .*", 307)] * 9
        with pytest.raises(TeacherError, match="redirect"):
            ask(settings(provider, wire), requests(3))


@pytest.mark.parametrize("wire", WIRES)
def test_the_key_is_sent_and_written_nowhere(ask, monkeypatch, tmp_path, wire):
    monkeypatch.setenv("TEST_KEY", KEY)
    with running(wire) as provider:
        provider.outcomes = {" 2 ": f"my key is {KEY}"}
        ask(settings(provider, wire, api_key_env="TEST_KEY"), requests(4))
        name = "Authorization" if wire == "openai" else "X-Api-Key"
        sent = {headers.get(name) or headers.get(name.lower()) or headers.get(name.capitalize())
                for _, headers in provider.calls}  # fmt: skip
        assert sent == {f"Bearer {KEY}" if wire == "openai" else KEY}
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert ledger.get(key_of(2)).content == "my key is [key]"
    for file in tmp_path.iterdir():
        assert KEY.encode() not in file.read_bytes()


def test_openai_without_room_waits_and_then_halves(ask):
    with running("openai") as provider:
        provider.room = 13
        request_counts = ask(settings(provider, "openai"), requests(40))
        assert request_counts.finishes["stop"] == 40
        assert set(provider.asked.values()) == {1}
        provider.room = 3
        request_counts = ask(settings(provider, "openai"), requests(50))
        assert (request_counts.kept, request_counts.finishes["stop"]) == (40, 10)
        assert set(provider.asked.values()) == {1}


def test_openai_names_the_lines_it_refuses_a_batch_for(ask, rows):
    with running("openai") as provider:
        provider.outcomes = {" 4 ": "faulty"}
        request_counts = ask(settings(provider, "openai"), requests(10))
        assert request_counts.finishes == {"stop": 0, "length": 0, "refused": 1, "failed": 9}
        assert rows()[key_of(4)].failure == "bad line"
        again = ask(settings(provider, "openai"), requests(10))
        assert (again.kept, again.finishes["stop"]) == (1, 9)


@pytest.mark.parametrize("wire", WIRES)
def test_refusing_everything_stops_and_is_asked_again(ask, wire):
    pace = Pace(**(vars(FAST) | {"part": 30}))
    with running(wire) as provider:
        provider.outcomes = {"What": "refused"}
        with pytest.raises(TeacherError, match="refused each of 30"):
            ask(settings(provider, wire), requests(30), pace)
        provider.outcomes = {}
        assert ask(settings(provider, wire), requests(30), pace).finishes["stop"] == 30


@pytest.mark.parametrize("wire", WIRES)
def test_the_price_cap_holds(ask, wire):
    price = recipe.Price(prompt=0.0, completion=1_000_000.0)  # 11 dollars an answer, 64 at most
    with running(wire) as provider:
        with pytest.raises(TeacherError, match="spend_at_most"):
            ask(settings(provider, wire, price=price, spend_at_most=330.0), requests(200))
        assert 25 <= len(provider.asked) <= 30
        assert ask(settings(provider, wire, price=price, spend_at_most=5000.0), requests(40)).finishes["stop"] >= 10
        assert set(provider.asked.values()) == {1}


@pytest.mark.parametrize("wire", WIRES)
def test_what_follows_from_answers_is_asked_too(ask, wire):
    told = collections.Counter()

    async def follow(request, completion):
        told[request.key] += 1
        number = int(re.findall(r"[0-9]+", request.messages[-1].content)[0])
        assert completion.content == f"The answer is {number}."
        return list(requests(number + 101, start=number + 100)) if number < 100 else []

    with running(wire) as provider:
        ask(settings(provider, wire), requests(3))
        request_counts = ask(settings(provider, wire), requests(15), follow=follow)
        assert (request_counts.kept, request_counts.finishes["stop"]) == (3, 27)
        assert set(provider.asked.values()) == {1}
    assert len(told) == 30
    assert set(told.values()) == {1}


@pytest.mark.parametrize("wire", WIRES)
def test_a_stream_longer_than_memory_is_read_as_needed(ask, wire):
    read = 0

    def stream():
        nonlocal read
        for request in requests(100_000):
            read += 1
            yield request

    with running(wire) as provider:
        provider.faults = [("POST .*", 401)]
        with pytest.raises(TeacherError):
            ask(settings(provider, wire), stream())
    assert read <= 512


def test_names_of_the_server_lead_nowhere_else(ask):
    with running("anthropic") as provider:
        real = provider.order

        def odd(items, **more):
            return real(items, **more) + "/../../v1/files"

        provider.order = odd
        provider.batches = collections.defaultdict(lambda: provider.batches["batch_0"], provider.batches)
        with pytest.raises(TeacherError, match="no id"):
            ask(settings(provider, "anthropic"), requests(1))


def test_the_book_gives_each_request_to_one_part(tmp_path):
    with Book(tmp_path / "b.sqlite", "here") as book:
        first, second = book.mean(["a", "b"], ["c"])
        assert book.under_way(["a", "c", "x"]) == {"a", "c"}
        book.note(first, "under way", batch="one")
        halves = book.mean(["a"], ["b"], instead_of=first)
        assert {part.id for part in book.open_parts()} == {second.id, *(half.id for half in halves)}
        assert book.batches() == {""}
        book.note(second, "read", batch="two")
        assert book.under_way(["a", "b", "c"]) == {"a", "b"}
        assert book.keys(halves[0]) == ["a"]
    with Book(tmp_path / "b.sqlite", "elsewhere") as other:
        assert other.open_parts() == []
        assert other.under_way(["a"]) == set()
