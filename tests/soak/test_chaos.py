"""A served teacher under SIGKILLs at named points and at random, over a server where 30% of the requests go wrong.

Every life of the run is killed after some requests; what the server had finished sending 200 ms before is on disk,
once, and the traces in the end are those of an undisturbed run against a server without trouble.
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
RECIPE = runs.RECIPE.replace("samples: 2", "samples: 4") + "curate: {drop_wrong: false, drop_unknown: false}\n"
TEACHER = """\
teacher:
  kind: served
  base_url: URL
  model: stub
  timeout: 1.0
  sampling: {max_tokens: 64}
"""
REQUESTS = 78 * 4
SETTLED = 0.2
"""Seconds after which a reply that was sent is on disk."""
KILLS = 20


class Stub(stub_server.Stub):
    """Remembers the seed of each request, by which its completion is known in the ledger."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.seeds = {}

    def action(self, key, body):
        self.seeds[key] = body["seed"]
        return super().action(key, body)

    def sent_between(self, begin, end):
        """Seeds of the completions that were whole on the wire in that time."""
        return {self.seeds[key] for key, at in self.finished.copy().items() if begin <= at < end}


@pytest.fixture(autouse=True)
def remembering(monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", Stub)


def recipe(folder, url):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "small.yaml"
    path.write_text(RECIPE.replace("teacher: {kind: worked}\n", TEACHER.replace("URL", url)))
    return path


def start(recipe, out, point="-", count=0, stage="traces"):
    command = [sys.executable, str(CLIENT), point, str(count), "run", str(recipe), "--out", str(out), "--stage", stage]
    return subprocess.Popen(command, env=runs.ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def in_ledger(out):
    """Count the completions of each seed."""
    path = out / "ledger" / "completions.sqlite"
    if not path.exists():
        return Counter()
    with Ledger(path, write=False) as ledger:
        answered = [completion for completion in ledger if completion.finish == "stop"]
    return Counter(int(re.search(r"the seed is (\d+)", completion.reasoning)[1]) for completion in answered)


def one_life(dice, stub, recipe, out):
    """Start the run and kill it at a named point or at some moment of its teaching; return when it was killed, or None.

    A life in which nothing is left to kill ends by itself.
    """
    before = len(stub.sent_at)
    named = dice.random() < 0.5
    point, count = (dice.choice(POINTS), dice.randint(1, 8)) if named else ("-", 0)
    process = start(recipe, out, point, count)
    limit = 60 if named else None
    more = dice.randint(1, 60)
    began = time.monotonic()
    while process.poll() is None and (named or len(stub.sent_at) < before + more):
        assert time.monotonic() - began < 120
        time.sleep(0.002)
        if limit and len(stub.sent_at) > before + limit:
            break  # the named point was not passed as often as that
    process.kill()
    killed = time.time()
    said, _ = process.communicate()
    assert process.returncode in (0, -9), said
    return None if process.returncode == 0 else killed


def chaotic(tmp_path, seed, kills):
    """Run under chaos with so many kills; return the run folder and what the server saw."""
    dice = random.Random(seed)
    out = tmp_path / "run"
    with stub_server.running(chaos=0.3, seed=seed, stall=2.0, delay=0.1) as stub:
        path = recipe(tmp_path, stub.url)
        assert runs.finish(start(path, out, stage="problems")) == 0
        done, began, settled = 0, time.time(), set()
        while done < kills and (killed := one_life(dice, stub, path, out)) is not None:
            done += 1
            there = in_ledger(out)
            # What came in the last moments of an earlier life may be lost; it was sent again and counts from then.
            settled |= stub.sent_between(began, killed - SETTLED)
            began = time.time() + 0.1  # what the server still wrote to the dead one's sockets is not the next one's
            assert not settled - set(there), f"lost by kill {done}, of {len(settled)} that were sent long before"
            assert set(there.values()) <= {1}
        process = start(path, out)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
        assert set(in_ledger(out)) == set(stub.seeds.values())
        return out, stub.stats(), done


def traces(out):
    return [path.read_bytes() for path in sorted((out / "traces").glob("traces-*.parquet"))]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    with stub_server.running() as stub:
        path = recipe(folder, stub.url)
        for stage in ("problems", "traces"):
            assert runs.finish(start(path, folder / "run", stage=stage)) == 0
        assert stub.stats()["requests"] == REQUESTS
    return traces(folder / "run")


def check(tmp_path, seed, undisturbed):
    out, stats, done = chaotic(tmp_path, seed, KILLS)
    assert done >= KILLS - 4, "the run ended before it had been killed often enough"
    assert stats["distinct"] == REQUESTS
    assert stats["requests"] > 1.2 * REQUESTS
    finishes = Counter(trace.finish for trace in Run(out).sealed("traces").rows("traces", Trace))
    assert finishes == {"stop": REQUESTS}
    assert traces(out) == undisturbed


def test_twenty_kills_over_a_chaotic_server(tmp_path, undisturbed):
    check(tmp_path, 1, undisturbed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 4 if SHORT else 11))
def test_two_hundred_kills_over_a_chaotic_server(tmp_path, undisturbed, seed):
    check(tmp_path, seed, undisturbed)
