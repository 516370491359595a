"""A server that enforces so many requests a second, found and kept to by a client that was told nothing."""

import io
import os
import subprocess
import sys
import threading
import time
import urllib.request
from bisect import bisect_left
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from potstill import recipe
from potstill.models.ledger import Ledger
from potstill.models.requests import Message, Request
from potstill.models.served.client import ServedModel
from potstill.progress import Progress

STUB = Path(__file__).parents[1] / "stub_server.py"
SHORT = os.environ.get("POTSTILL_SOAK") == "short"


@contextmanager
def limited(limit, burst, retry_after, delay, telling=False):
    """Serve in a process of its own; return its address."""
    command = [sys.executable, str(STUB), "--limit", str(limit), "--burst", str(burst), "--delay", str(delay)]
    command += ["--retry-after", str(retry_after)] if retry_after else []
    command += ["--telling"] if telling else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def get(address):
    with urllib.request.urlopen(address, timeout=10) as reply:
        return orjson.loads(reply.read())


def ask_for(seconds, address, path, halve_at=None, limit=0):
    """Ask as fast as admission lets for so long; return what the server saw, and when asking began."""
    until = time.monotonic() + seconds

    def requests():
        number = 0
        while time.monotonic() < until:
            yield Request(
                messages=(Message("user", f"What is {number} and no more?"),),
                model="m",
                sampling={"max_tokens": 8},
                sample=0,
            )
            number += 1

    halving = threading.Timer(halve_at, get, [f"{address}/limit/{limit / 2}"]) if halve_at else None
    began = time.monotonic()
    if halving:
        halving.start()
    with Ledger(path) as ledger:
        model = ServedModel(recipe.ServedTeacher(kind="served", base_url=f"{address}/v1", model="m"))
        model.collect(requests(), ledger, Progress("teacher", stream=io.StringIO()))
    return get(f"{address}/stats"), began


def rate(stats, begin, end):
    return sum(begin <= at < end for at in stats["accepted_at"]) / (end - begin)


def early(stats, retry_after):
    """Share of the requests that arrived while a Retry-After was running that had been sent 20 ms before or more."""
    refused, all_of_them = stats["refused_at"], sorted(stats["accepted_at"] + stats["refused_at"])
    count = 0
    for at in all_of_them:
        first = bisect_left(refused, at - retry_after)
        count += any(since + 0.02 < at for since in refused[first:] if since < at)
    return count / len(all_of_them)


@pytest.mark.soak
def test_a_limit_is_found_within_seconds(tmp_path):
    with limited(40, 40, 1, 0.02) as address:
        stats, began = ask_for(12, address, tmp_path / "l.sqlite")
    assert 0.75 * 40 <= rate(stats, began + 5, began + 12) <= 1.1 * 40
    assert early(stats, 1) <= 0.01
    assert stats["most_per_key"] <= 3


# A bucket of one is no test of the client but of the machine: one request that is late comes too close to the next.
CASES = [
    (50, 50, 1, 0.02, False), (2, 2, 1, 0.1, False), (10, 10, None, 0.3, False), (10, 200, 2, 0.1, False),
    (20, 2, 1, 0.05, False), (50, 50, 1, 0.3, True), (100, 10, 0.5, 0.3, False), (200, 200, 1, 0.05, False),
    (200, 200, None, 0.05, True),
]  # fmt: skip


@pytest.mark.soak
@pytest.mark.parametrize(("limit", "burst", "retry_after", "delay", "telling"), CASES[:1] if SHORT else CASES)
def test_a_limit_is_kept_and_again_after_it_was_halved(tmp_path, limit, burst, retry_after, delay, telling):
    with limited(limit, burst, retry_after, delay, telling) as address:
        stats, began = ask_for(120, address, tmp_path / "l.sqlite", halve_at=60, limit=limit)
    for since, limit_then in ((30, limit), (90, limit / 2)):
        found = rate(stats, began + since, began + since + 30)
        print(f"{limit_then:g}/s, {burst} at once: {found:.2f}/s, {early(stats, retry_after or 0):.2%} early")
        # One request more than the limit is what a bucket held when the half minute began.
        assert 0.8 * limit_then <= found <= limit_then + 1 / 30
    if retry_after:
        assert early(stats, retry_after) <= 0.01
