"""Truncation and rounds: which samples are asked depends on a problem's own verdicts, never on the order of arrival."""

import dataclasses
import io
import itertools
import random

import pytest
import stub_server
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from potstill import recipe
from potstill.errors import RecipeError
from potstill.models.flops import Account
from potstill.models.requests import Completion
from potstill.models.served.client import ServedModel
from potstill.progress import Progress
from potstill.records import Problem, Verdict
from potstill.teach.calls import wanted
from potstill.teach.prompts import Asking
from potstill.teach.samples import RequestBuilder, trace_of
from potstill.teach.served import served_traces
from potstill.verify import Verdicts

ASKING = Asking("", "{question}")
OUTCOMES = st.lists(st.sampled_from([True, False, None]), max_size=10)


@given(OUTCOMES, st.integers(1, 10), st.integers(1, 4))
def test_as_many_samples_as_one_after_the_other_would_have_asked(outcomes, samples, stop):
    asked = 0
    while asked < samples and sum(f is not False for f in outcomes[:asked]) + max(0, asked - len(outcomes)) < stop:
        asked += 1
    assert wanted(outcomes, samples, stop) == asked
    assert wanted(outcomes, samples, None) == samples


@given(OUTCOMES, st.integers(1, 10), st.integers(1, 4), st.randoms())
def test_what_becomes_known_only_adds_samples(outcomes, samples, stop, dice):
    known = [None] * len(outcomes)
    before = wanted(known, samples, stop)
    assert before == min(stop, samples)
    for place in dice.sample(range(len(outcomes)), len(outcomes)):
        known[place] = outcomes[place]
        now = wanted(known, samples, stop)
        assert now >= before
        before = now


class Uneven(stub_server.Stub):
    """Answers each (question, seed) in its own way, right, wrong or cut, after a delay that no two runs share."""

    dice = random.Random()
    right, cut = 0.4, 0.2

    @property
    def delay(self):
        return self.dice.random() * 0.004

    @delay.setter
    def delay(self, _):
        pass

    def completion(self, body, **changes):
        if changes:
            return super().completion(body, **changes)
        said = body["messages"][-1]["content"]
        dice = random.Random(f"{said} {body['seed']}")
        gold = int(said.split()[2])
        cut = dice.random() < self.cut and body["max_tokens"] < dice.choice((200, 10**6))
        answer = gold if dice.random() < self.right else gold + dice.randint(1, 2)
        content = f"<think>\nhm, {body['seed']}" + ("" if cut else f"\n</think>\n\nThe answer is {answer}.")
        changes = {"message": {"role": "assistant", "content": content}, "finish_reason": "length" if cut else "stop"}
        return super().completion(body, **changes)


@pytest.fixture
def uneven(monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", Uneven)
    with stub_server.running() as stub:
        yield stub


def problem(number):
    return Problem(id=str(number), question=f"What is {number} + 0?", gold=str(number), source="s")


def taught(stub, ledger, numbers, *, judge=None, retry=None, **strategy):
    teacher = recipe.ServedTeacher(
        kind="served",
        base_url=stub.url,
        model="m",
        concurrency=16,
        sampling=recipe.Sampling(max_tokens=100),
        retry_max_tokens=retry,
    )
    strategy = recipe.Strategy(**strategy)
    problems = [problem(number) for number in numbers]
    first = min(strategy.samples, strategy.stop_at_right or strategy.samples)
    progress = Progress("traces", len(problems) * first, stream=io.StringIO())
    with Verdicts(recipe.Checks()) as verdicts:
        found = served_traces(
            lambda: problems, teacher, ServedModel(teacher), strategy, ASKING, seed=3, ledger=ledger, progress=progress,
            judge=judge or verdicts.many, account=Account(None),
        )  # fmt: skip
        return list(found), progress


def one_after_the_other(stub, numbers, samples, stop):
    """What a patient person would get: asks one sample, judges it, and only then decides on the next."""
    teacher = recipe.ServedTeacher(
        kind="served", base_url=stub.url, model="m", sampling=recipe.Sampling(max_tokens=100)
    )
    builder = RequestBuilder(
        teacher=teacher,
        strategy=recipe.Strategy(samples=samples, stop_at_right=stop),
        asking=ASKING,
        seed=3,
        judge=lambda _: [],
    )
    for asked in map(problem, numbers):
        right = 0
        for request in builder.requests(asked, 0, samples):
            if stop is not None and right >= stop:
                break
            for limit in (100, 200):
                body = {"model": "m", "messages": [{"content": request.messages[-1].content}]}
                body |= request.sampling | {"max_tokens": limit}
                reply = stub.completion(body)["choices"][0]
                if reply["finish_reason"] == "stop":
                    break
            said = reply["message"]["content"]
            right += said.endswith(f"The answer is {asked.gold}.")
            yield asked.key, request.sample, limit == 200, reply["finish_reason"], said.rpartition("\n")[2]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=True), st.integers(1, 6),
    st.none() | st.integers(1, 3), st.integers(0, 2**32),
)  # fmt: skip
@example(list(range(8)), 6, 2, 0)
def test_the_traces_do_not_depend_on_the_order_of_arrival(uneven, tmp_path_factory, numbers, samples, stop, dice):
    uneven.dice = random.Random(dice)
    folder = tmp_path_factory.mktemp("rounds")
    before = uneven.stats()["requests"]
    once, progress = taught(uneven, folder / "a", numbers, samples=samples, stop_at_right=stop)
    sent = uneven.stats()["requests"] - before
    again, _ = taught(uneven, folder / "b", numbers, samples=samples, stop_at_right=stop)
    assert once == again
    expected = list(one_after_the_other(uneven, numbers, samples, stop))
    shown = [
        (t.problem_key, t.sample, t.attempt == 1, t.finish, t.answer if t.finish == "stop" else t.reasoning)
        for t in once
    ]
    assert shown == expected
    assert sent == progress.done == progress.total == len(once) + sum(t.attempt for t in once)


def test_a_rerun_asks_nothing_and_a_stopped_run_only_what_is_missing(uneven, tmp_path):
    whole, _ = taught(uneven, tmp_path / "whole", range(30), samples=6, stop_at_right=2)
    first = uneven.stats()["requests"]
    taught(uneven, tmp_path / "l", range(12), samples=3, stop_at_right=1)
    part = uneven.stats()["requests"] - first
    assert taught(uneven, tmp_path / "l", range(30), samples=6, stop_at_right=2)[0] == whole
    assert uneven.stats()["requests"] == 2 * first, "what the smaller run asked is a part of the larger"
    assert 0 < part < first
    again, progress = taught(uneven, tmp_path / "l", reversed(range(30)), samples=6, stop_at_right=2)
    assert sorted(again, key=str) == sorted(whole, key=str)
    assert (uneven.stats()["requests"], progress.done) == (2 * first, progress.total)


def test_ten_truncated_answers_cost_twenty_requests_and_are_no_answers(uneven, tmp_path):
    always = {"message": {"content": "<think>on and on"}, "finish_reason": "length"}
    uneven.rules = [{"match": "What", "replies": [always], "always": True}]
    traces, progress = taught(uneven, tmp_path / "l", range(10))
    assert uneven.stats()["requests"] == 20
    assert sorted(body["max_tokens"] for body in uneven.bodies) == [100] * 10 + [200] * 10
    assert {(t.finish, t.attempt, t.answer) for t in traces} == {("length", 1, "")}
    assert len(traces) == 10
    with Verdicts(recipe.Checks()) as verdicts:
        found = list(verdicts.many(zip(map(problem, range(10)), traces, strict=True)))
    assert {(v.outcome, v.reason) for v in found} == {("unknown", "truncated")}
    assert taught(uneven, tmp_path / "l", range(10))[0] == traces
    assert uneven.stats()["requests"] == 20
    assert progress.done == progress.total == 20


def test_a_budget_that_the_server_refuses_leaves_the_truncated_trace(uneven, tmp_path):
    cut = {"message": {"content": "<think>on and on"}, "finish_reason": "length"}
    uneven.action = lambda key, body: cut if body["max_tokens"] == 100 else {"status": 400, "body": '{"error": "long"}'}
    (trace, *_), _ = taught(uneven, tmp_path / "l", range(1), retry=100_000)
    assert (trace.finish, trace.attempt, trace.reasoning, trace.answer) == ("length", 0, "on and on", "")
    assert [body["max_tokens"] for body in uneven.bodies] == [100, 100_000]


@pytest.mark.parametrize(
    ("extra", "retry", "sent"),
    [
        ({}, None, {"max_tokens": 200}),
        ({}, 150, {"max_tokens": 150}),
        ({"max_tokens": None, "max_completion_tokens": 7}, None, {"max_completion_tokens": 14}),
        ({"max_tokens": None}, None, None),
        ({"max_tokens": None}, 500, {"max_tokens": 500}),
    ],
)
def test_the_larger_budget(extra, retry, sent):
    sampling = recipe.Sampling(max_tokens=100, extra=extra)
    teacher = recipe.ServedTeacher(
        kind="served", base_url="http://x/v1", model="m", sampling=sampling, retry_max_tokens=retry
    )
    builder = RequestBuilder(teacher=teacher, strategy=recipe.Strategy(), asking=ASKING, seed=0, judge=lambda _: [])
    (request,) = builder.requests(problem(1), 0, 1)
    done = Completion(
        key=request.key,
        reasoning="hm",
        reasoning_kind="raw",
        finish="length",
        prompt_tokens=1,
        completion_tokens=100,
        raw=b"",
    )
    larger = builder.retry(request, done)
    assert (larger and {k: v for k, v in larger.sampling.items() if "max" in k}) == sent
    assert builder.retry(request, dataclasses.replace(done, finish="stop")) is None
    if larger:
        assert (larger.attempt, larger.sample, larger.sampling["seed"]) == (1, 0, request.sampling["seed"])
        assert larger.key != request.key
        assert builder.retry(larger, done) is None


def test_a_retry_that_is_no_larger_is_refused():
    teacher = recipe.ServedTeacher(kind="served", base_url="http://x/v1", model="m", retry_max_tokens=4096)
    with pytest.raises(RecipeError, match=r"teacher\.retry_max_tokens: 4096 is no more than the 4096"):
        RequestBuilder(teacher=teacher, strategy=recipe.Strategy(), asking=ASKING, seed=0, judge=lambda _: [])


def test_a_truncated_plain_response_is_reasoning_without_answer():
    teacher = recipe.ServedTeacher(kind="served", base_url="http://x/v1", model="m")
    (request,) = RequestBuilder(
        teacher=teacher, strategy=recipe.Strategy(), asking=ASKING, seed=0, judge=lambda _: []
    ).requests(problem(1), 0, 1)
    cut = Completion(
        key=request.key,
        content="First, 1 + 0.\nThe answer is",
        finish="length",
        prompt_tokens=1,
        completion_tokens=9,
        raw=b"",
    )
    trace = trace_of(problem(1), request, cut, "zero_shot")
    assert (trace.reasoning, trace.answer, trace.reasoning_kind) == ("First, 1 + 0.\nThe answer is", "", "raw")


def test_verdicts_that_an_outage_left_open_are_not_wrong_and_later_runs_go_on(uneven, tmp_path):
    """While nothing can be judged no further sample is paid for; once it can, the run ends as if nothing had been."""

    def down(rows):
        for _, trace in rows:
            yield Verdict(
                trace_key=trace.key,
                check="answer",
                policy="p",
                version=1,
                outcome="unknown",
                cause="infrastructure",
                method="",
                score=None,
                extracted=None,
            )

    def up(rows):
        with Verdicts(recipe.Checks()) as verdicts:
            yield from verdicts.many(rows)

    uneven.right, uneven.cut = 0.0, 0.0
    stopped, _ = taught(uneven, tmp_path / "l", range(6), judge=down, samples=4, stop_at_right=2)
    assert [trace.sample for trace in stopped] == [0, 1] * 6
    assert uneven.stats()["requests"] == 12
    ended, _ = taught(uneven, tmp_path / "l", range(6), judge=up, samples=4, stop_at_right=2)
    assert [trace.sample for trace in ended] == [0, 1, 2, 3] * 6
    assert [trace for trace in ended if trace.sample < 2] == stopped
    assert uneven.stats()["requests"] == 24


def test_a_verdict_that_cannot_be_given_stops_the_run(uneven, tmp_path):
    def broken(rows):
        raise RecipeError("no such checker")

    with pytest.raises(RecipeError, match="no such checker"):
        taught(uneven, tmp_path / "l", range(6), judge=broken, samples=4, stop_at_right=2)


def test_what_failed_is_asked_again_with_all_that_follows_from_it(uneven, tmp_path, monkeypatch):
    from potstill.models.served import client as served

    retry_policy = served.RetryPolicy(tries=2, first_wait=0.001)
    monkeypatch.setattr(served.ServedModel.__init__, "__defaults__", (retry_policy,))
    uneven.rules = [{"match": f"What is {n} ", "replies": ["html"] * 2} for n in (1, 4)]
    traces, progress = taught(uneven, tmp_path / "l", range(6), samples=5, stop_at_right=2)
    uneven.rules = []
    undisturbed, _ = taught(uneven, tmp_path / "other", range(6), samples=5, stop_at_right=2)
    assert traces == undisturbed
    assert progress.done == progress.total
    assert len(list(itertools.groupby(traces, key=lambda t: t.problem_key))) == 6
