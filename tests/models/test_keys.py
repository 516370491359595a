"""A key that the server echoes in every way, looked for in everything that a run leaves behind."""

import base64
import json
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from commands import TINY, call, done
from stub_server import running

from potstill.models.inspect import describe, seal, show
from potstill.models.ledger import Ledger

KEY = "sk-/potstill+test/0123456789abcdef"
CODED = base64.b64encode(f"user:{KEY}".encode()).decode()
SERVED = """\
teacher:
  kind: served
  base_url: URL
  model: m
  api_key_env: STUB_KEY
  timeout: 5.0
curate: {drop_wrong: false, drop_unknown: false}
"""
ECHOES = [
    "echo",
    {"message": {"content": f"<think>{CODED} {KEY.encode().hex()}</think> {quote(KEY, safe='')} {KEY} 7"}},
    {"status": 400, "body": json.dumps({"error": {"message": f"key {KEY} is {CODED}"}})},
    {"status": 307, "headers": {"Location": f"http://elsewhere/?key={quote(KEY, safe='')}"}, "body": ""},
    {"status": 500, "body": f"<html>{KEY}</html>"},
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
    yield KEY.encode().hex().encode()


class Echoing:
    """Scripts: each question gets one of the echoes first, by its length, and ordinary answers when asked again."""

    def __init__(self, stub):
        stub.action = self.action
        self.stub = stub

    def action(self, key, body):
        turn = self.stub.counts[key] - 1
        return ECHOES[int(key[:4], 16) % len(ECHOES)] if turn == 0 else "ok"


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
        seal(ledger)
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
    assert any(b"elsewhere" in text for text in texts) or stub.stats()["requests"] < 20
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
