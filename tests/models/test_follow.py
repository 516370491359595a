"""What a caller asks further as completions arrive, against a real server on loopback."""

import asyncio
import io
from dataclasses import replace

import pytest
from stub_server import running

from potstill import recipe
from potstill.models.ledger import Ledger
from potstill.models.requests import Message, Request
from potstill.models.served.client import CHUNK, RetryPolicy, ServedModel
from potstill.progress import Progress

FAST = RetryPolicy(tries=2, first_wait=0.005)


def requests(count, samples=1):
    for number in range(count):
        for sample in range(samples):
            yield Request(
                messages=(Message("user", f"What is {number} and no more?"),),
                model="m",
                sampling={"seed": sample},
                sample=sample,
            )


@pytest.fixture
def ask(tmp_path):
    def run(stub, wanted, follow=None, **changes):
        teacher = recipe.ServedTeacher(kind="served", base_url=stub.url, model="m", **changes)
        with Ledger(tmp_path / "l.sqlite") as ledger:
            return ServedModel(teacher, FAST).collect(wanted, ledger, Progress("t", None, stream=io.StringIO()), follow)

    return run


def up_to(samples, seen=None):
    async def follow(request, completion):
        if seen is not None:
            seen.append((request, completion))
        last = request.sample + 1 >= samples
        return () if last else (replace(request, sample=request.sample + 1, sampling={"seed": request.sample + 1}),)

    return follow


def test_more_samples_and_more_problems_send_only_those(ask):
    with running() as stub:
        ask(stub, requests(30, samples=4))
        assert stub.stats()["requests"] == 120
        ask(stub, requests(30, samples=8))
        assert stub.stats()["requests"] == 240, "four more for each problem"
        ask(stub, reversed(list(requests(30, samples=8))))
        assert stub.stats()["requests"] == 240, "another order sends nothing"
        ask(stub, requests(31, samples=8))
        stats = stub.stats()
        assert stats["requests"] == stats["distinct"] == 248


def test_what_follows_is_asked_in_the_same_call_and_found_by_a_rerun(ask):
    seen = []
    with running() as stub:
        request_counts = ask(stub, requests(50), up_to(3, seen))
        assert (request_counts.sent, request_counts.kept, request_counts.finishes["stop"]) == (150, 0, 150)
        assert {(request.key, completion.key) for request, completion in seen} == {
            (request.key, request.key) for request in requests(50, samples=3)
        }
        assert {completion.content for _, completion in seen} == {f"The answer is {n}." for n in range(50)}
        assert all(completion.reasoning for _, completion in seen)
        again = []
        request_counts = ask(stub, requests(50), up_to(3, again))
        assert (request_counts.sent, request_counts.kept) == (0, 150)
        assert sorted(request.key for request, _ in again) == sorted(request.key for request, _ in seen)
        request_counts = ask(stub, requests(50), up_to(4))
        assert (request_counts.sent, request_counts.kept) == (50, 150)


def test_what_follows_goes_ahead_of_new_problems(ask):
    with running(delay=0.002) as stub:
        ask(stub, requests(400), up_to(4), concurrency=4)
        seeds = [body["seed"] for body in stub.bodies]
    assert len(seeds) == 1600
    # Each first sample is followed long before all first samples are through.
    assert seeds[:400].count(3) > 50


def test_failed_and_refused_requests_are_followed_too(ask):
    script = {
        "rules": [
            {"match": "What is 3 ", "replies": ["html"], "always": True},
            {"match": "What is 4 ", "replies": [400], "always": True},
        ]
    }
    seen = []
    with running(script=script) as stub:
        ask(stub, requests(6), up_to(1, seen))
    assert sorted(completion.finish for _, completion in seen) == ["failed", "refused", "stop", "stop", "stop", "stop"]


def test_slow_followers_hold_back_new_requests_and_block_no_one(ask):
    """A follower of one problem that takes long leaves the others going; many of them bound what is in memory."""
    running_now = most = 0
    read = 0

    def stream():
        nonlocal read
        for request in requests(3000):
            read += 1
            yield request

    async def follow(request, completion):
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0.2 if request.messages[0].content == "What is 0 and no more?" else 0.01)
        running_now -= 1
        return ()

    with running() as stub:
        assert ask(stub, stream(), follow).finishes["stop"] == 3000
    assert most <= 2 * CHUNK
    assert read == 3000


def test_an_error_of_a_follower_ends_the_call_and_keeps_what_came(ask, tmp_path):
    async def follow(request, completion):
        if "What is 20 " in request.messages[0].content:
            raise ValueError("of the follower")
        return ()

    with running(delay=0.001) as stub:
        with pytest.raises(ValueError, match="of the follower"):
            ask(stub, requests(500), follow, concurrency=4)
        there = stub.stats()["finished"]
        assert there < 500
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert there - 8 <= len(ledger) <= there
