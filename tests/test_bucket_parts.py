"""Parts in an object store: the first commit wins, claims save work by the store's clock, answers may be lost."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from object_store import LOST, NEEDED

from potstill import bucket_parts, claims
from potstill.bucket import BucketError, ObjectStore
from potstill.bucket_parts import BucketParts
from potstill.errors import DamageError

pytestmark = NEEDED


@pytest.fixture
def parts(bucket, tmp_path):
    """Return parts as one more process has them, with a folder of its own."""
    numbers = itertools.count()

    def made(count=3):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return BucketParts(folder, count, ObjectStore(bucket), "parts/x")

    return made


def of_another(store, number, owner):
    store.bucket.put(f"parts/x/{number:05d}.claim", json.dumps({"owner": owner}).encode())


def test_the_first_commit_wins_and_nothing_else_is_left(parts, capsys):
    one, two, three = parts(), parts(), parts()
    assert one.claim(1)
    assert not two.claim(1)
    one.commit(1, b"rows")
    two.commit(1, b"rows")
    assert capsys.readouterr().err == ""
    two.commit(1, b"others")
    assert "parts/x/00001.part was made twice and came out differently: the first" in capsys.readouterr().err
    assert [one.read(1), two.read(1), three.read(1), three.read(0)] == [b"rows", b"rows", b"rows", None]
    assert sorted(three.missing()) == [0, 2]
    assert [three.has(0), three.has(1)] == [False, True]
    assert sorted(one.bucket.names()) == ["clock", "parts/x/00001.part"]
    assert parts().piece(1, 1, 2) == b"ow"


def test_a_claim_keeps_others_away_until_it_is_old_by_the_store_s_clock_or_its_process_is_gone(parts, monkeypatch):
    one = parts(4)
    of_another(one, 0, f"{claims.socket.gethostname()}:{os.getppid()}")
    of_another(one, 1, f"{claims.socket.gethostname()}:{2**22 + 1}")  # beyond any process number
    of_another(one, 2, "elsewhere:1")
    one.bucket.put("parts/x/00003.claim", b"half a cla")
    for listed in (False, True):
        if listed:
            one.missing()
        assert [one.claim(number) for number in (0, 2)] == [False, False]
    assert [one.claim(number) for number in (1, 3)] == [True, True]
    now = one.bucket.now()
    monkeypatch.setattr(one.bucket, "now", lambda: now + claims.LEASE + 60)
    late, later = parts(4), parts(4)
    monkeypatch.setattr(late.bucket, "now", one.bucket.now)
    late.missing()
    assert late.claim(2)
    assert not later.claim(2), "taken over, and young again"


def test_both_the_owner_of_an_old_claim_and_who_took_it_over_may_finish(parts, monkeypatch):
    slow, quick = parts(1), parts(1)
    assert slow.claim(0)
    now = quick.bucket.now()
    monkeypatch.setattr(quick.bucket, "now", lambda: now + claims.LEASE + 60)
    assert quick.claim(0)
    quick.commit(0, b"same")
    slow.commit(0, b"same")
    assert slow.read(0) == b"same"
    assert sorted(slow.bucket.names()) == ["clock", "parts/x/00000.part"]


@pytest.mark.parametrize(
    "answer", [LOST, (409, "ConditionalRequestConflict"), (412, "PreconditionFailed"), (503, "SlowDown")]
)
def test_whatever_a_store_answers_a_claim_and_a_part_are_written_once(s3, parts, answer):
    one, two = parts(1), parts(1)
    s3.faults["PUT", ".claim"] = [answer]
    assert one.claim(0)
    assert not two.claim(0)
    s3.faults["PUT", ".part"] = [answer, answer]
    one.commit(0, b"rows")
    assert two.read(0) == b"rows"
    assert two.missing() == []


def test_a_store_that_refuses_what_is_not_there_is_not_asked_for_ever(s3, parts):
    s3.faults["PUT", ".part"] = [(412, "PreconditionFailed")] * bucket_parts.TRIES
    with pytest.raises(BucketError, match=r"00000\.part is refused as there and is not there: run again"):
        parts(1).commit(0, b"rows")


def test_a_damaged_part_is_made_again_and_named_where_it_is_needed(parts):
    one = parts(1)
    one.bucket.put("parts/x/00000.part", b"damaged")
    with pytest.raises(DamageError, match=r"s3://bucket.*00000\.part was changed or removed"):
        list(one.all())
    with pytest.raises(DamageError, match=r"00000\.part was removed"):
        one.piece(0, 0, 1)
    one.bucket.put("parts/x/00000.part", b"damaged")
    one.commit(0, b"rows")
    assert list(parts(1).all()) == [b"rows"]


def test_parts_that_were_made_without_the_store_are_published(parts):
    one = parts(2)
    claims.SharedParts.commit(one, 0, b"rows")
    assert sorted(one.missing()) == [0, 1]
    one.publish()
    assert parts(2).read(0) == b"rows"


WORKER = """\
import os, signal, sys, time
from pathlib import Path
from potstill import bucket_parts
from potstill.bucket import ObjectStore
address, folder, at, after, count, seconds = sys.argv[1:]
calls = 0
def counted(real):
    def call(*args):
        global calls
        calls += 1
        if calls == int(at) and after == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = real(*args)
        if calls == int(at):
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    return call
for name in ("create", "replace", "remove"):
    setattr(ObjectStore, name, counted(getattr(ObjectStore, name)))
parts = bucket_parts.BucketParts(Path(folder), int(count), ObjectStore(address), "parts/x")
while missing := parts.missing():
    for number in missing:
        if not parts.has(number) and parts.claim(number):
            time.sleep(float(seconds))
            parts.commit(number, b"%d " % number * 1000)
    time.sleep(0.05)
"""


@pytest.fixture
def worker(bucket, tmp_path):
    """Start a process that makes parts until all are done, killed at a request that writes: before it or after it."""
    numbers = itertools.count(100)

    def made(at=0, after="before", count=9, seconds=0.0):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        argv = [sys.executable, "-c", WORKER, bucket, folder, at, after, count, seconds]
        return subprocess.Popen([str(item) for item in argv])

    return made


def whole(parts, count):
    store = parts(count)
    assert [*store.all()] == [b"%d " % number * 1000 for number in range(count)]


def test_workers_killed_at_each_commit_point_cost_nothing_that_is_done(parts, worker):
    for at in (1, 2, 3):  # a claim, its part, the end of the claim
        pair = [worker(at, "before"), worker(at, "after")]
        assert [one.wait() for one in pair] == [-signal.SIGKILL] * 2
    assert worker().wait() == 0
    whole(parts, 9)


@pytest.mark.soak
def test_workers_killed_at_random_times_cost_nothing_that_is_done(parts, worker):
    dice = random.Random(5)
    pair = [worker(count=60, seconds=0.2) for _ in range(2)]
    for _ in range(20):
        time.sleep(dice.uniform(0.2, 1.0))
        hit = dice.randrange(2)
        pair[hit].kill()
        pair[hit].wait()
        pair[hit] = worker(count=60, seconds=0.2)
    assert [one.wait() for one in pair] == [0, 0]
    whole(parts, 60)
