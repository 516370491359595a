"""A served teacher under SIGKILLs at named points and at random, over a server where 30% of the requests go wrong.

Every life of the run is killed, while it asks or while it writes what came of it; what the server had finished sending
200 ms before is on disk, once, and the traces in the end are those of an undisturbed run against a server without
trouble. Some requests are refused for good and some are truncated, the same ones in both.
"""

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import stub_server
from soak import runs
from soak.chaos_client import POINTS

from potstill.models.ledger import Ledger
from potstill.records import Trace
from potstill.store import Run

SHORT = os.environ.get("POTSTILL_SOAK") == "short"
CLIENT = Path(__file__).parent / "chaos_client.py"
RECIPE = runs.RECIPE.replace("samples: 2", "samples: 6") + "curate: {drop_wrong: false, drop_unknown: false}\n"
TEACHER = """\
teacher:
  kind: served
  base_url: URL
  model: stub
  timeout: 1.0
  sampling: {max_tokens: 64}
"""
SAMPLES = 78 * 6
SETTLED = 0.2
"""Seconds after which a reply that was sent is on disk."""
IN_TEACHING = 15
"""Kills of one run while it asks."""
LATER = (("rows", 1), ("rename", 2), ("rows", 2), ("rename", 2), ("sync", 9))
"""And after it: in the committed ledger, before it has its name, the same with the traces, at one of so many syncs."""
REFUSED = {"status": 400, "body": '{"error": {"message": "this question is too long"}}'}


class Stub(stub_server.Stub):
    """Says in each reply which request it is of, and remembers that; some are always refused, or cut by the limit."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.requests = {}

    def action(self, key, body):
        seed, limit = body["seed"], body["max_tokens"]
        self.requests[key] = (seed, limit)
        if seed % 40 == 0:
            return REFUSED
        action = super().action(key, body)
        if action == "ok" and (seed % 40 == 1 or (seed % 40 == 2 and limit == 64)):
            return {"finish_reason": "length"}
        return action

    def completion(self, body, **changes):
        said = f"<think>the seed is {body['seed']} of {body['max_tokens']}</think> The answer is 7."
        return super().completion(body, **({"message": {"role": "assistant", "content": said}} | changes))

    def sent_between(self, begin, end):
        """Requests whose completions were whole on the wire in that time."""
        return {self.requests[key] for key, at in self.finished.copy().items() if begin <= at < end}


@pytest.fixture(autouse=True, scope="module")
def remembering():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stub_server, "Stub", Stub)
        yield


def recipe(folder, url):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small.yaml"
    path.write_text(RECIPE.replace("teacher: {kind: worked}\n", TEACHER.replace("URL", url)))
    return path


def start(recipe, out, point="-", count=0, stage="traces"):
    command = [sys.executable, str(CLIENT), point, str(count), "run", str(recipe), "--out", str(out), "--stage", stage]
    return subprocess.Popen(command, env=runs.ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def in_ledger(out):
    """Count the completions of each request."""
    path = out / "ledger" / "completions.sqlite"
    if not path.exists():
        return Counter()
    with Ledger(path, write=False) as ledger:
        answered = [completion.raw.decode() for completion in ledger if completion.finish in ("stop", "length")]
    found = (re.search(r"the seed is (\d+) of (\d+)", raw) for raw in answered)
    return Counter((int(match[1]), int(match[2])) for match in found)


def one_life(dice, stub, recipe, out, later=None):
    """Start the run and kill it at a named point or at some moment of its teaching; return when it was killed, or None.

    A life in which nothing is left to kill ends by itself.
    """
    before = len(stub.sent_at)
    named = dice.random() < 0.5
    point, count = (dice.choice(POINTS), dice.randint(1, 6)) if named else ("-", 0)
    if later:
        point, count = later[0], dice.randint(3, later[1]) if later[0] == "sync" else later[1]
    process = start(recipe, out, point, count)
    more = 10**6 if later else 40 if named else dice.randint(1, 40)  # a point may not be passed as often as that
    try:
        _until(stub, process, before + more)
    finally:
        process.kill()
        killed = time.time()
        said, _ = process.communicate()
    assert process.returncode in (0, -9), said
    return None if process.returncode == 0 else killed


def _until(stub, process, count):
    """Wait for so many requests or the end of the process; a life that asks nothing for long is stuck."""
    asked, since = len(stub.sent_at), time.monotonic()
    while process.poll() is None and len(stub.sent_at) < count:
        if len(stub.sent_at) > asked:
            asked, since = len(stub.sent_at), time.monotonic()
        assert time.monotonic() - since < 60
        time.sleep(0.002)


def chaotic(tmp_path, seed):
    """Run under chaos and kills; return the run folder and what the server saw."""
    dice = random.Random(seed)
    out = tmp_path / "run"
    with stub_server.running(chaos=0.3, seed=seed, stall=2.0, delay=0.1) as stub:
        path = recipe(tmp_path, stub.url)
        assert runs.finish(start(path, out, stage="problems")) == 0
        began, settled = time.time(), set()
        for number, later in enumerate((*[None] * IN_TEACHING, *LATER)):
            killed = one_life(dice, stub, path, out, later)
            assert killed is not None, f"it ended after {number} kills"
            there = in_ledger(out)
            # What came in the last moments of an earlier life may be lost; it was sent again and counts from then.
            settled |= stub.sent_between(began, killed - SETTLED)
            began = time.time() + 0.1  # what the server still wrote to the dead one's sockets is not the next one's
            assert not settled - set(there), f"lost by kill {number}, of {len(settled)} that were sent long before"
            assert set(there.values()) <= {1}
        process = start(path, out)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
        refused = {request for request in stub.requests.values() if request[0] % 40 == 0}
        assert set(in_ledger(out)) == set(stub.requests.values()) - refused
        return out, stub.stats()


def traces(out):
    return [path.read_bytes() for path in sorted((out / "traces").glob("traces-*.parquet"))]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, remembering):
    folder = tmp_path_factory.mktemp("undisturbed")
    with stub_server.running() as stub:
        path = recipe(folder, stub.url)
        for stage in ("problems", "traces"):
            assert runs.finish(start(path, folder / "run", stage=stage)) == 0
        stats = stub.stats()
    assert stats["requests"] == stats["distinct"] > SAMPLES
    return traces(folder / "run"), stats["distinct"]


def check(tmp_path, seed, undisturbed):
    out, stats = chaotic(tmp_path, seed)
    assert traces(out) == undisturbed[0]
    assert stats["distinct"] == undisturbed[1]
    assert stats["requests"] > 1.2 * stats["distinct"]
    rows = list(Run(out).committed("traces").rows("traces", Trace))
    assert len({(trace.problem_key, trace.sample) for trace in rows}) == len(rows) == SAMPLES
    assert {(trace.finish, trace.failure) for trace in rows} == {
        ("stop", ""),
        ("length", ""),
        ("refused", "HTTP 400: this question is too long"),
    }


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 3 if SHORT else 12))
def test_two_hundred_kills_over_a_chaotic_server(tmp_path, undisturbed, seed):
    check(tmp_path, seed, undisturbed)
