"""A key that the server echoes in every way, looked for in everything that a run leaves behind."""

import base64
import io
import json
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from commands import TINY, call, done
from stub_server import running

from potstill import recipe
from potstill.models.inspect import commit, describe, show
from potstill.models.ledger import Ledger
from potstill.models.requests import Message, Request
from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.progress import Progress

KEY = "sk-/potstill+test/0123456789abcdef"
CODED = base64.b64encode(f"user:{KEY}".encode()).decode()
SERVED = """\
teacher:
  kind: served
  base_url: URL
  model: m
  api_key_env: STUB_KEY
  timeout: 5.0
  concurrency: 2
curate: {drop_wrong: false, drop_unknown: false}
"""
ECHOES = [
    "echo",
    {"message": {"content": f"<think>{CODED} {KEY.encode().hex()}</think> {quote(KEY, safe='')} {KEY} 7"}},
    {"status": 400, "body": json.dumps({"error": {"message": f"key {KEY} is {CODED}"}})},
    {"status": 307, "headers": {"Location": f"http://elsewhere/?key={quote(KEY, safe='')}"}, "body": ""},
    {"status": 302, "headers": {"Location": f"http://elsewhere/{'a' * 235}{KEY}"}, "body": ""},
    {"status": 500, "headers": {"Content-Encoding": KEY}, "body": "no"},
    {"status": 500, "headers": {"Content-Length": f"7{'a' * 60}{KEY}"}, "body": "no"},
    {"status": 503, "headers": {"Retry-After": KEY, "x-ratelimit-remaining": KEY}, "body": json.dumps(KEY)},
    {"status": 500, "body": f"<html>{KEY}</html>"},
    {"status": 500, "body": "x" * 4080 + KEY},
    {"status": 500, "body": json.dumps({"error": {"message": "x" * 280 + KEY, "code": KEY}})},
    {"status": 200, "body": json.dumps({"error": {"message": {"a": [KEY]}, "type": CODED}})},
    {"status": 200, "body": json.dumps({"choices": [], "key": KEY})},
]


def forms():
    """Every way the key could be written, cut to what can be told from chance."""
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + KEY.encode()).decode()
        yield coded[4:-4].encode()
        yield coded[4:-4].translate(str.maketrans("+/", "-_")).encode()
    yield KEY.encode()
    yield quote(KEY, safe="").encode()
    yield quote(KEY, safe="").replace("%2F", "%2f").replace("%2B", "%2b").encode()
    yield KEY[:20].encode()
    yield KEY.encode().hex().encode()


class Echoing:
    """Scripts: the n-th request gets the n-th echo, all others ordinary answers."""

    def __init__(self, stub):
        stub.action = self.action
        self.left = list(reversed(ECHOES))

    def action(self, key, body):
        return self.left.pop() if self.left else "ok"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def leftovers(folder, *texts):
    """Return everything that was written, compressed files read."""
    ledger_file = folder / "run" / "ledger" / "completions.sqlite"
    with Ledger(ledger_file) as ledger:
        keys = [completion.key for completion in ledger]
        yield from (completion.raw + repr(completion).encode() for completion in ledger)
        commit(ledger)
    yield describe(folder / "run").encode()
    yield from (show(folder / "run", key).encode() for key in keys)
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()
            if path.suffix == ".parquet":
                yield repr(pq.read_table(path).to_pylist()).encode()
    yield from (text.encode() for text in texts)


def test_a_whole_run_leaves_the_key_nowhere(folder, monkeypatch):
    monkeypatch.setenv("STUB_KEY", KEY)
    with running(key=KEY) as stub:
        Echoing(stub)
        (folder / "r.yaml").write_text(TINY.replace("teacher: {kind: worked}\n", SERVED.replace("URL", stub.url)))
        ended = done("run", folder / "r.yaml", "--out", folder / "run")
        again = call("status", folder / "run")
    texts = list(leftovers(folder, ended.out, ended.err, again.out, again.err))
    assert sum(b"[key]" in text for text in texts) >= 6
    assert stub.stats()["requests"] > 20 + len(ECHOES) - 4
    for form in forms():
        assert not [text[:200] for text in texts if form in text]


def test_no_way_of_failing_records_the_key(folder, monkeypatch):
    """Each echo fails for good here, so that what was said of it is in the ledger."""
    monkeypatch.setenv("STUB_KEY", KEY)
    wanted = [
        Request(messages=(Message("user", str(number)),), model="m", sampling={}, sample=0)
        for number in range(len(ECHOES))
    ]
    with running(key=KEY) as stub, Ledger(folder / "run" / "ledger" / "completions.sqlite") as ledger:
        Echoing(stub)
        teacher = recipe.ServedTeacher(
            kind="served", base_url=stub.url, model="m", concurrency=1, api_key_env="STUB_KEY"
        )
        model = ServedModel(teacher, RetryPolicy(tries=1, first_wait=0.001))
        model.collect(wanted, ledger, Progress("t", stream=io.StringIO()))
        failed = sorted(completion.failure for completion in ledger if completion.failure)
    assert len(failed) == len(ECHOES) - 2
    assert sum("[key]" in failure for failure in failed) >= 4, failed
    texts = list(leftovers(folder))
    for form in forms():
        assert not [text[:200] for text in texts if form in text]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_not_shown(folder, monkeypatch, status):
    monkeypatch.setenv("STUB_KEY", KEY)
    told = {"status": status, "body": json.dumps({"error": {"message": f"no such key: {KEY} {CODED}"}})}
    with running(script={"rules": [{"match": "", "replies": [told], "always": True}]}) as stub:
        (folder / "r.yaml").write_text(TINY.replace("teacher: {kind: worked}\n", SERVED.replace("URL", stub.url)))
        ended = call("run", folder / "r.yaml", "--out", folder / "run")
    line = ended.mistake()
    assert f"HTTP {status}: no such key: [key]" in line
    for form in forms():
        assert not [text for text in leftovers(folder, ended.out, ended.err) if form in text]
