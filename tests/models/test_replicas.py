"""Several servers of one model: they share the requests, and one that dies or refuses costs no more than its share."""

import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import call, done
from stub_server import running

from potstill import recipe
from potstill.errors import TeacherError
from potstill.models.ledger import Ledger
from potstill.models.requests import Message, Request
from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.models.served.replicas import FIRST_REST, Replicas
from potstill.progress import Progress
from potstill.records import Trace
from potstill.store import Run

FAST = RetryPolicy(tries=3, limited_tries=4, unreachable_tries=2, first_wait=0.005, longest_wait=0.05)
RECIPE = """\
name: two
problems: {{evaluate: 4, sources: [{{family: chain, count: 84}}]}}
teacher: {{kind: served, base_url: [{}], model: m, concurrency: 8, sampling: {{max_tokens: 64}}}}
strategy: {{samples: 2}}
student: {{scratch: {{hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}}}}
evaluate: {{max_tokens: 8}}
"""
MORTAL = """\
import os, stub_server, sys
log = open(sys.argv.pop(), "a")
last = int(sys.argv.pop())
class Finished(dict):
    def __setitem__(self, key, value):
        print("finished", key, file=log, flush=True)
class Mortal(stub_server.Stub):
    def __init__(self, *given, **more):
        super().__init__(*given, **more)
        self.finished = Finished()
    def action(self, key, body):
        print("asked", key, file=log, flush=True)
        if sum(self.counts.values()) == last:
            os._exit(9)
        return super().action(key, body)
stub_server.Stub = Mortal
stub_server.main()
"""
"""A server that dies as its request number `last` arrives, with all that it is at."""


@contextmanager
def mortal(log, last):
    """Start a server in a process of its own; yield its address."""
    with subprocess.Popen(
        [sys.executable, "-c", MORTAL, "--delay", "0.02", str(last), str(log)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as process:  # fmt: skip
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


def ask(tmp_path, urls, count=20, **changes):
    """Ask requests in a ledger; return what became of them."""
    teacher = recipe.ServedTeacher(kind="served", base_url=tuple(urls), model="m", concurrency=4, **changes)
    wanted = (
        Request(messages=(Message("user", f"What is {n}?"),), model="m", sampling={"max_tokens": 64}, sample=0)
        for n in range(count)
    )
    tmp_path.mkdir(exist_ok=True)
    with Ledger(tmp_path / "l.sqlite") as ledger, open(os.devnull, "w") as nowhere:
        return ServedModel(teacher, FAST).collect(wanted, ledger, Progress("traces", None, stream=nowhere))


def test_one_of_two_servers_dies_midway_and_nothing_is_lost_or_asked_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "log"
    with mortal(log, 40) as one, mortal(log, -1) as other:
        Path("r.yaml").write_text(RECIPE.format(f"{one}, {other}"))
        told = done("run", "r.yaml", "--out", "run", "--until", "traces").err
        traces = list(Run(tmp_path / "run").committed("traces").rows("traces", Trace))
        again = RECIPE.format(other)
        Path("r.yaml").write_text(again)
        done("run", "r.yaml", "--out", "run", "--until", "traces")
    said = Counter(tuple(line.split()) for line in log.read_text().splitlines())
    finished = {key: number for (what, key), number in said.items() if what == "finished"}
    asked = {key: number for (what, key), number in said.items() if what == "asked"}
    assert len(traces) == 160
    assert {trace.finish for trace in traces} == {"stop"}
    assert finished.keys() == asked.keys()
    assert len(finished) == 160
    assert set(finished.values()) == {1}, "what was answered is not asked again, by another list of servers neither"
    assert 160 < sum(asked.values()) <= 160 + 8, "no more is asked anew than was on its way to the dead one"
    assert told.count(f"m at {one}/chat/completions: ") == 1


def test_what_one_server_limits_or_breaks_the_other_answers_at_once(tmp_path):
    began = time.monotonic()
    script = {"rules": [{"match": "What", "replies": [500], "always": True}]}
    with running(limit=1e-6, retry_after=40.0) as limited, running(script=script) as broken, running() as sound:
        found = ask(tmp_path, [limited.url, broken.url, sound.url])
        assert found.finishes == {"stop": 20, "length": 0, "refused": 0, "failed": 0}
        assert len(sound.bodies) >= 19, "the limit lets one pass"
        assert len(limited.bodies) + len(broken.bodies) < 12
    assert time.monotonic() - began < 10


def test_each_server_is_found_with_or_without_its_version_and_all_down_is_one_line(tmp_path):
    with running() as one, running() as other:
        found = ask(tmp_path, [one.url.removesuffix("/v1"), other.url.removesuffix("/v1")])
        assert found.finishes["stop"] == 20
        assert min(len(one.bodies), len(other.bodies)) >= 5
    with pytest.raises(TeacherError, match=r"m at http://127.0.0.1:9/v1 and 1 more: unreachable: .*teacher\.base_url"):
        ask(tmp_path / "down", ["http://127.0.0.1:9/v1", "http://127.0.0.1:19/v1"])


def test_a_server_that_failed_rests_longer_each_time_and_is_tried_with_one_request():
    servers = Replicas([["http://a"], ["http://b"]], "m")
    a, b = servers.all
    with a.asked():
        assert servers.next(0.0) is b
    assert a.failed(0.0, "HTTP 500", None)
    assert a.failed(0.1, "HTTP 500", None), "what was on its way counts once"
    assert servers.next(FIRST_REST - 0.1) is b
    b.sent = 10
    assert servers.next(FIRST_REST) is a
    with a.asked():
        assert servers.next(FIRST_REST) is b, "until it is known whether it answers"
        assert a.failed(FIRST_REST, "HTTP 500", None)
    assert servers.next(FIRST_REST + 1.5 * FIRST_REST) is b
    assert servers.next(FIRST_REST + 2 * FIRST_REST) is a
    assert not b.failed(FIRST_REST + FIRST_REST, "HTTP 429", 100.0), "both rest"
    assert servers.next(FIRST_REST + FIRST_REST) is a, "where all rest, the one that wakes first is asked"
    a.answered()
    assert servers.next(FIRST_REST + FIRST_REST) is a


@pytest.mark.parametrize(
    ("urls", "more", "told"),
    [
        ("http://a/v1, b", "", "teacher.base_url: 'b' is no address"),
        ("http://a/v1, http://b/v1", ", executor: batch", "batches are ordered at one address"),
        ("", "", "teacher.base_url"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_line(urls, more, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(RECIPE.format(urls).replace("model: m", f"model: m{more}"))
    assert told in call("check", "r.yaml").mistake()
