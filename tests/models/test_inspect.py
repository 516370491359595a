"""Looking into a ledger while it is written and after."""

import io
import json
import threading
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from stub_server import running

from potstill import recipe
from potstill.cli import main
from potstill.errors import DataError, StoreError
from potstill.models.inspect import commit, describe, show
from potstill.models.ledger import Entry, Ledger
from potstill.models.requests import Completion, Message, Request
from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.progress import Progress

RECIPE = """\
name: looked-into
problems: {sources: [{family: chain, count: 9}], evaluate: 2}
teacher: {kind: served, base_url: "https://api.openai.com/v1", model: o3, price: {prompt: 2.0, completion: 8.0}}
student: {scratch: {}}
train: {epochs: 1.0}
"""


def body(text, **message):
    usage = {"prompt_tokens": 1000, "completion_tokens": 500_000}
    return json.dumps({"choices": [{"message": {"content": text, **message}}], "usage": usage}).encode()


def entry(key, finish="stop", failure="", text="seven", **message):
    counts = (1000, 500_000) if finish == "stop" else (None, None)
    raw = body(text, **message) if finish == "stop" else b"<html>no\x1b[2J</html>"
    done = Completion(
        key=key, finish=finish, prompt_tokens=counts[0], completion_tokens=counts[1], failure=failure, raw=raw
    )  # fmt: skip
    return Entry(done, "m", 2, 0.5)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    with Ledger(tmp_path / "ledger" / "completions.sqlite") as ledger:
        ledger.put_many([
            entry("aa11", reasoning="three and four \x1b[31m\u202e"), entry("aa22"),
            entry("bb33", "failed", "HTTP 500: oh"), entry("cc44", "refused", "HTTP 400: too long"),
        ])  # fmt: skip
    return tmp_path


def test_describe(run):
    said = describe(run)
    for line in (
        "completions  4 (1 failed, 1 refused, 2 stop)",
        "requests     8, 4 of them again after a fault",
        "tokens       2,000 of prompts, 1,000,000 of completions",
        "price        $8.0040 at $2 and $8 a million tokens (the recipe)",
        "failures     1 HTTP 400, 1 HTTP 500",
        "aa11  stop, 500,000 tokens",
        "bb33  failed, HTTP 500: oh",
    ):
        assert line in said
    assert "being written" not in said


def test_show_by_the_start_of_a_key(run):
    said = show(run, "aa1")
    assert "key         aa11" in said
    assert "--- reasoning (raw)\nthree and four" in said
    assert said.endswith("--- answer\nseven")
    assert "<html>no" in show(run, "bb")


def test_what_a_server_sent_cannot_steer_the_terminal(run, capsys):
    assert main(["ledger", str(run), "--show", "aa1"]) == 0
    assert "three and four \\x1b[31m\\u202e" in capsys.readouterr().out
    assert main(["ledger", str(run), "--show", "bb"]) == 0
    assert "<html>no\\x1b[2J</html>" in capsys.readouterr().out


@pytest.mark.parametrize(("key", "says"), [("aa", "2 completions"), ("zz", "no completion"), ("a%", "no completion")])
def test_keys_that_name_none_or_several(run, key, says):
    with pytest.raises(DataError, match=says):
        show(run, key)


def test_a_run_without_a_ledger(tmp_path):
    with pytest.raises(StoreError, match="has no ledger"):
        describe(tmp_path)


def test_looking_does_not_disturb_the_one_that_writes(run):
    """While a client commits as fast as it can, readers see a growing number, and nobody is refused."""
    seen, errors = [], []
    stop = threading.Event()

    def look():
        while not stop.is_set():
            try:
                said = describe(run)
                seen.append((said.count("being written"), show(run, "aa11")))
            except Exception as error:  # noqa: BLE001 - none may come
                errors.append(error)
                return

    with running(delay=0.05) as stub, Ledger(run / "ledger" / "completions.sqlite") as ledger:
        thread = threading.Thread(target=look)
        thread.start()
        wanted = (
            Request(messages=(Message("user", f"What is {n}?"),), model="m", sampling={}, sample=0) for n in range(800)
        )
        model = ServedModel(
            recipe.ServedTeacher(kind="served", base_url=stub.url, model="m", concurrency=16), RetryPolicy()
        )
        request_counts = model.collect(wanted, ledger, Progress("t", stream=io.StringIO()))
        stop.set()
        thread.join()
    assert errors == []
    assert request_counts.finishes["stop"] == 800
    assert len(seen) >= 3
    assert {written for written, _ in seen} == {1}


def test_committing_writes_everything_once(run):
    path = run / "ledger" / "completions.sqlite"
    with Ledger(path) as ledger:
        committed = commit(ledger)
        stamp = committed.stat().st_mtime_ns
        rows = pq.read_table(committed).to_pylist()
        assert [row["key"] for row in rows] == ["aa11", "aa22", "bb33", "cc44"]
        assert rows[1]["body"] == body("seven")
        assert rows[2] == {**rows[2], "finish": "failed", "failure": "HTTP 500: oh", "tries": 2, "prompt_tokens": None}
        assert commit(ledger).stat().st_mtime_ns == stamp
        ledger.put_many([replace(entry("bb33"), tries=1)])
        assert pq.read_table(commit(ledger)).to_pylist()[2]["finish"] == "stop"
    assert not list(committed.parent.glob("*.tmp"))
