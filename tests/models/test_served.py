"""The client against a real server on loopback."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from stub_server import running

from potstill import recipe
from potstill.errors import TeacherError
from potstill.models.ledger import Ledger
from potstill.models.requests import Message, Request
from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.progress import Progress

FAST = RetryPolicy(
    tries=4, limited_tries=8, unreachable_tries=2, first_wait=0.005, longest_wait=0.05, longest_asked=5.0
)
PRICE = recipe.Price(prompt=1_000_000.0, completion=1_000_000.0)


def settings(url, **changes):
    return recipe.ServedTeacher(**{"kind": "served", "base_url": url, "model": "m", "concurrency": 8, **changes})


def requests(count, samples=1, text="What is {} and no more?"):
    for number in range(count):
        for sample in range(samples):
            turns = (Message("user", text.format(number)),)
            yield Request(messages=turns, model="m", sampling={"max_tokens": 64, "seed": sample}, sample=sample)


@pytest.fixture
def ask(tmp_path):
    """Ask in a ledger that outlives the call, as reruns do."""

    def run(teacher, wanted, retry_policy=FAST):
        with Ledger(tmp_path / "l.sqlite") as ledger, open(os.devnull, "w") as nowhere:
            model = ServedModel(teacher, retry_policy)
            return model.collect(wanted, ledger, Progress("traces", None, stream=nowhere))

    return run


@pytest.fixture
def rows(tmp_path):
    def read():
        with Ledger(tmp_path / "l.sqlite") as ledger:
            return {completion.key: completion for completion in ledger}

    return read


def one_rule(*replies, match="What is 3 ", always=False):
    return {"rules": [{"match": match, "replies": list(replies), "always": always}]}


def key_of(number):
    return list(requests(number + 1))[number].key


def test_a_rerun_asks_nothing_and_more_samples_ask_only_the_new_ones(ask, rows):
    with running() as stub:
        first = ask(settings(stub.url), requests(40, samples=2))
        assert (first.kept, first.sent, first.finishes["stop"]) == (0, 80, 80)
        again = ask(settings(stub.url), requests(40, samples=2))
        assert (again.kept, again.sent) == (80, 0)
        more = ask(settings(stub.url), reversed(list(requests(41, samples=3))))
        assert (more.kept, more.sent) == (80, 43)
        assert stub.stats()["requests"] == stub.stats()["distinct"] == 123
    found = rows()[key_of(3)]
    assert (found.content, found.finish, found.completion_tokens) == ("The answer is 3.", "stop", 20)
    assert found.reasoning.startswith("The question has 22 characters")
    assert json.loads(found.raw)["model"] == "m"


def test_the_same_request_twice_in_one_stream_is_asked_once(ask):
    with running(delay=0.02) as stub:
        wanted = [request for request in requests(30) for _ in range(3)]
        request_counts = ask(settings(stub.url), wanted * 2)
        assert stub.stats()["requests"] == 30
        assert request_counts.kept == 150


def test_concurrency_is_used_and_kept_to(ask):
    with running(delay=0.03) as stub:
        ask(settings(stub.url, concurrency=6), requests(40))
        assert stub.most_open == 6


def test_servers_of_one_model_share_the_requests(ask, rows):
    with running(delay=0.03) as one, running(delay=0.03) as other:
        ask(settings((one.url, other.url), concurrency=2), requests(20))
        assert (one.most_open, other.most_open) == (1, 1)
        assert len(one.bodies) + len(other.bodies) == 20
        assert min(len(one.bodies), len(other.bodies)) >= 8
    assert len(rows()) == 20


def test_requests_are_read_as_needed(ask):
    """A stream longer than memory must not be queued whole: when the run stops early, little of it was read."""
    read = 0

    def stream():
        nonlocal read
        for request in requests(100_000):
            read += 1
            yield request

    with running(key="secret-of-the-server") as stub, pytest.raises(TeacherError):
        ask(settings(stub.url), stream())
    assert read <= 1024


FAULTS = [
    "drop", "cut", "malformed", "empty_choices", "null_content", "html", 503, 529,
    {"status": 200, "body": json.dumps({"error": {"code": 502, "message": "upstream"}})},
    {"status": 200, "body": "   "},
    {"finish_reason": "error"},
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_what_may_pass_is_asked_again(ask, rows, fault):
    with running(script=one_rule(fault)) as stub:
        request_counts = ask(settings(stub.url), requests(6))
        assert request_counts.finishes == {"stop": 6, "length": 0, "refused": 0, "failed": 0}
        assert stub.stats()["requests"] == 7
    assert rows()[key_of(3)].content == "The answer is 3."


def test_a_stall_ends_at_the_timeout(ask):
    with running(script=one_rule("stall"), stall=5.0) as stub:
        began = time.monotonic()
        request_counts = ask(settings(stub.url, timeout=0.3), requests(6))
        assert time.monotonic() - began < 3
        assert (request_counts.finishes["stop"], stub.stats()["requests"]) == (6, 7)


def test_retry_after_is_honoured_by_all(ask):
    limit = {"status": 429, "headers": {"Retry-After": "0.5"}, "body": "slow down"}
    with running(script=one_rule(limit, match="What is 0 ")) as stub:
        request_counts = ask(settings(stub.url, concurrency=4), requests(200))
        assert request_counts.finishes["stop"] == 200
        first, *others = stub.sent_at
        # Those already on their way when the 429 arrived may come; nothing else does until half a second later.
        assert sum(at < first + 0.45 for at in others) <= 60
        assert max(others) > first + 0.5
        gap = max(later - earlier for earlier, later in zip(stub.sent_at, stub.sent_at[1:], strict=False))
        assert gap > 0.3


def test_rate_limits_are_no_failures(ask):
    with running(script=one_rule(429, 429, 429, 429, 429, 429)) as stub:
        request_counts = ask(settings(stub.url), requests(5))
        assert request_counts.finishes["stop"] == 5
        assert stub.stats()["requests"] == 11


def test_a_pause_too_long_to_wait_stops_the_run(ask):
    limit = {"status": 429, "headers": {"Retry-After": "86400"}, "body": "daily limit"}
    with running(script=one_rule(limit, match="")) as stub, pytest.raises(TeacherError, match="wait 86400 seconds"):
        ask(settings(stub.url), requests(5))


def test_what_fails_for_good_is_a_row_and_asked_again_by_a_rerun(ask, rows):
    with running(script=one_rule("html", "html", "html", "html")) as stub:
        request_counts = ask(settings(stub.url), requests(10))
        assert (request_counts.finishes["stop"], request_counts.finishes["failed"], request_counts.sent) == (9, 1, 13)
        failed = rows()[key_of(3)]
        assert (failed.finish, failed.failure, failed.content) == ("failed", "HTTP 500", "")
        assert b"Internal Server Error" in failed.raw
        again = ask(settings(stub.url), requests(10))
        assert (again.kept, again.finishes["stop"]) == (9, 1)


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_refused_request_is_asked_once_and_stops_nothing(ask, rows, status):
    refused = {"status": status, "body": json.dumps({"error": {"message": "too long: 9,999 tokens"}})}
    with running(script=one_rule(refused, match="What is 3", always=True)) as stub:
        ask(settings(stub.url), requests(1))
        request_counts = ask(settings(stub.url, concurrency=1), requests(50))
        assert (request_counts.finishes["refused"], request_counts.finishes["stop"]) == (11, 38)
        assert ask(settings(stub.url), requests(50)).sent == 0
        assert stub.stats()["most_per_key"] == 1
    assert rows()[key_of(3)].failure == f"HTTP {status}: too long: 9,999 tokens"
    assert rows()[key_of(3)].finish == "refused"


def test_a_teacher_that_refuses_everything_stops_and_its_requests_stay_open(ask, rows):
    refused = {"status": 400, "body": json.dumps({"error": {"message": "temperature is not supported"}})}
    with running(script=one_rule(refused, match="", always=True)) as stub:
        with pytest.raises(TeacherError, match=r"refused each of the first \d+ requests.*temperature"):
            ask(settings(stub.url), requests(500))
        assert stub.stats()["requests"] < 60
    assert {row.finish for row in rows().values()} == {"failed"}


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ({"status": 401, "body": '{"error": {"message": "invalid key"}}'}, "HTTP 401: invalid key"),
        ({"status": 404, "body": '{"message": "The model `m` does not exist", "code": 404}'}, "HTTP 404: The model"),
        ({"status": 307, "headers": {"Location": "http://elsewhere"}, "body": ""}, "redirects to http://elsewhere"),
        ({"status": 402, "body": '{"error": {"message": "Insufficient Balance"}}'}, "Insufficient Balance"),
    ],
)
def test_a_teacher_that_cannot_teach_is_one_line(ask, reply, says):
    with running(script=one_rule(reply, match="", always=True)) as stub:
        with pytest.raises(TeacherError) as caught:
            ask(settings(stub.url), requests(300))
        assert stub.stats()["requests"] <= 8
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nobody_listens(ask):
    began = time.monotonic()
    with pytest.raises(TeacherError, match=r"unreachable: .*start the server or correct teacher\.base_url"):
        ask(settings("http://127.0.0.1:9/v1"), requests(5))
    assert time.monotonic() - began < 3


def test_an_outage_in_the_middle_stops_and_keeps_what_came(ask, rows):
    script = {"rules": [{"match": "What is 1", "replies": ["html"], "always": True}]}  # 10-19 and 100-199
    with running(script=script) as stub:
        with pytest.raises(TeacherError, match=r"2\d requests in a row failed, the last with 'HTTP 500'"):
            ask(settings(stub.url), requests(300))
        kept = {key for key, row in rows().items() if row.finish == "stop"}
        assert len(kept) >= 80
        stub.rules.clear()
        before = stub.stats()["requests"]
        assert ask(settings(stub.url), requests(300)).kept == len(kept)
        assert stub.stats()["requests"] - before == 300 - len(kept)


def test_truncated_and_filtered(ask, rows):
    script = {
        "rules": [
            {"match": "What is 3 ", "replies": [{"message": {"content": None, "reasoning": "so"},
                                                 "finish_reason": "length"}]},
            {"match": "What is 4 ", "replies": [{"finish_reason": "content_filter"}]},
        ]
    }  # fmt: skip
    with running(script=script) as stub:
        request_counts = ask(settings(stub.url), requests(6))
        assert request_counts.finishes == {"stop": 4, "length": 1, "refused": 1, "failed": 0}
        assert ask(settings(stub.url), requests(6)).sent == 0
    truncated, filtered = rows()[key_of(3)], rows()[key_of(4)]
    assert (truncated.finish, truncated.reasoning, truncated.content) == ("length", "so", "")
    assert (filtered.finish, filtered.failure, filtered.content) == ("refused", "finish_reason content_filter", "")


def test_an_endless_body_costs_one_failure(ask, rows):
    with running(script=one_rule("flood")) as stub:
        request_counts = ask(settings(stub.url), requests(5))
        assert (request_counts.finishes["failed"], request_counts.finishes["stop"], stub.stats()["requests"]) == (
            1,
            4,
            5,
        )
    assert rows()[key_of(3)].failure == "oversized body: more than 16 MB"


def test_the_price_cap_stops_cleanly_and_can_be_raised(ask, rows):
    """Each reply has 6 prompt and 20 completion tokens at a dollar a token; it may cost 64 and its bytes."""
    at_most = 64 + 160
    with running(delay=0.01) as stub:
        for cap, again in ((500.0, False), (500.0, True), (1000.0, False)):
            before = stub.stats()["requests"]
            with pytest.raises(TeacherError, match=r"spent .* of spend_at_most, and the next request may cost \$1\d\d"):
                ask(settings(stub.url, price=PRICE, spend_at_most=cap), requests(100))
            asked = stub.stats()["requests"]
            assert cap - at_most < 26 * asked <= cap
            assert asked == len(rows())
            assert not again or asked == before
        request_counts = ask(settings(stub.url, price=PRICE, spend_at_most=9000.0), requests(100))
        assert (request_counts.kept, request_counts.sent) == (asked, 100 - asked)


def test_a_request_that_alone_may_pass_the_cap_is_not_sent(ask):
    with running() as stub:
        with pytest.raises(
            TeacherError, match=r"spent \$0\.0000 of the \$60\.0 .* the next request may cost \$1\d\d\."
        ):
            ask(settings(stub.url, price=PRICE, spend_at_most=60.0), requests(3))
        assert stub.stats()["requests"] == 0


def test_the_cap_counts_replies_without_usage(ask):
    with running(script=one_rule({"usage": None}, match="", always=True)) as stub:
        with pytest.raises(TeacherError, match="spend_at_most"):
            ask(settings(stub.url, price=PRICE, spend_at_most=1000.0), requests(100))
        assert stub.stats()["requests"] < 20


KEY = "sk-/potstill+test/0123456789abcdef"


def test_the_key_is_sent_and_written_nowhere(ask, rows, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("STUB_KEY", KEY)
    coded = base64.b64encode(f"user:{KEY}".encode()).decode()
    echo = {"status": 400, "body": json.dumps({"error": {"message": f"key {KEY} is {coded}"}})}
    rules = [
        {"match": "What is 1 ", "replies": ["echo"]},
        {"match": "What is 2 ", "replies": [echo]},
        {"match": "What is 3 ", "replies": [{"message": {"content": f"{coded} </think> {KEY}"}}]},
        {"match": "What is 4 ", "replies": [{"status": 500, "body": KEY}] * 4},
    ]
    with running(script={"rules": rules}, key=KEY) as stub:
        ask(settings(stub.url, api_key_env="STUB_KEY", concurrency=1), requests(6))
        assert stub.stats()["finished"] == 4
    texts = [repr(row) + row.raw.decode() for row in rows().values()]
    assert sum("[key]" in text for text in texts) == 4
    monkeypatch.setenv("OTHER", "wrong-" + KEY)
    with running(key=KEY) as stub, pytest.raises(TeacherError, match=r"HTTP 401.*\[key\]") as caught:
        ask(settings(stub.url, api_key_env="OTHER"), requests(9, text="again {}"))
    model = ServedModel(settings(stub.url, api_key_env="STUB_KEY"))
    seen = "".join([*texts, str(caught.value), repr(model.secret), repr(vars(model)), *capfd.readouterr()]).encode()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    for form in (KEY.encode(), base64.b64encode(KEY.encode())[:-4], coded.encode()[-20:-4]):
        assert all(form not in data for data in [seen, *written])


@pytest.mark.parametrize(
    "url",
    ["localhost:8000/v1", "ftp://localhost/v1", "http://user:sk-1234567890@localhost/v1", "http://localhost/v1?key=abc",
     "http://", "http://localhost:port/v1"],
)  # fmt: skip
def test_addresses_that_cannot_be_used_are_one_line_without_the_address(url):
    with pytest.raises(TeacherError, match=r"teacher\.base_url") as caught:
        ServedModel(settings(url))
    assert "sk-1234567890" not in str(caught.value)


def test_a_whole_endpoint_as_base_url_works(ask):
    with running() as stub:
        assert ask(settings(f"{stub.url}/chat/completions/"), requests(2)).sent == 2
        assert ask(settings(f"{stub.url}/"), requests(3)).sent == 1


CLIENT = """
    import sys
    from pathlib import Path
    from potstill import recipe
    from potstill.models.ledger import Ledger
    from potstill.models.requests import Message, Request
    from potstill.models.served.client import ServedModel
    from potstill.progress import Progress
    url, path, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    teacher = recipe.ServedTeacher(kind="served", base_url=url, model="m", concurrency=32)
    wanted = (
        Request(messages=(Message("user", f"What is {n}?"),), model="m", sampling={"max_tokens": 64}, sample=0)
        for n in range(count)
    )
    with Ledger(path) as ledger:
        print("begin", flush=True)
        ServedModel(teacher).collect(wanted, ledger, Progress("traces", count))
"""


def client(url, path, count=300):
    command = [sys.executable, "-c", textwrap.dedent(CLIENT), url, str(path), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def served(stub, count):
    deadline = time.monotonic() + 60
    while len(stub.finished) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_killed_in_the_middle_only_what_was_in_flight_is_asked_again(tmp_path):
    path = tmp_path / "l.sqlite"
    with running(delay=0.1) as stub:
        for target in (80, 190):
            with client(stub.url, path) as process:
                served(stub, target)
                process.send_signal(signal.SIGKILL)
                killed = time.time()
            sent_in_time = sum(at < killed - 0.2 for at in stub.stats()["finished_at"].values())
            with Ledger(path) as ledger:
                assert len(ledger) >= sent_in_time > 0
        with client(stub.url, path) as process:
            assert process.wait(60) == 0
        stats = stub.stats()
        assert stats["distinct"] == stats["finished"] == 300
        assert stats["requests"] <= 300 + 2 * 32
    with Ledger(path) as ledger:
        assert len(ledger) == 300
        assert {completion.finish for completion in ledger} == {"stop"}


def test_ctrl_c_keeps_what_has_arrived(tmp_path):
    path = tmp_path / "l.sqlite"
    with running(delay=0.1) as stub:
        with client(stub.url, path) as process:
            served(stub, 100)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        assert "KeyboardInterrupt" in errors
        assert "CancelledError" not in errors.rsplit("KeyboardInterrupt", 1)[-1]
        with Ledger(path) as ledger:
            there = len(ledger)
        assert 68 <= there < 300
        with client(stub.url, path) as process:
            assert process.wait(60) == 0
        assert stub.stats()["requests"] <= 300 + 32
    with Ledger(path) as ledger:
        assert len(ledger) == 300


def test_chaos_leaves_the_same_completions_as_quiet(ask, rows, tmp_path):
    with running(chaos=0.3, seed=1, stall=1.0) as stub:
        for _ in range(3):
            ask(settings(stub.url, timeout=0.5, concurrency=32), requests(200), RetryPolicy(first_wait=0.01))
        chaotic = rows()
        assert stub.stats()["requests"] > 240
    with running() as stub, Ledger(tmp_path / "quiet.sqlite") as ledger:
        ServedModel(settings(stub.url)).collect(requests(200), ledger, Progress("traces", 200))
        assert {completion.key: completion for completion in ledger} == chaotic


def test_a_full_ledger_stops_with_its_own_line_and_keeps_the_rest(tmp_path):
    from potstill.errors import StoreError

    with running() as stub, Ledger(tmp_path / "l.sqlite") as ledger:
        pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
        ledger._connection.execute(f"PRAGMA max_page_count = {pages + 10}")
        model = ServedModel(settings(stub.url))
        with pytest.raises(StoreError, match="the disk is full"):
            model.collect(requests(2000), ledger, Progress("traces", 2000))
        there = len(ledger)
        assert 0 < there < 2000
        ledger._connection.execute("PRAGMA max_page_count = 1000000")
        assert model.collect(requests(300), ledger, Progress("traces", 300)).kept >= min(there, 300) - 64


def test_sampling_can_be_awaited_beside_other_work(tmp_path):
    async def both():
        with Ledger(tmp_path / "l.sqlite") as ledger:
            model = ServedModel(settings(stub.url))
            sampling = asyncio.create_task(model.sample(requests(50), ledger, Progress("traces", 50)))
            ticks = 0
            while not sampling.done():
                ticks += 1
                await asyncio.sleep(0.005)
            return ticks, sampling.result()

    with running(delay=0.02) as stub:
        ticks, request_counts = asyncio.run(both())
    assert request_counts.finishes["stop"] == 50
    assert ticks > 5


def test_the_stub_as_its_own_process(ask):
    from pathlib import Path

    script = Path(__file__).parents[1] / "stub_server.py"
    command = [sys.executable, str(script), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline())
        assert ask(settings(f"http://127.0.0.1:{port}/v1"), requests(20)).finishes["stop"] == 20
        process.kill()
