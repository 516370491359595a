"""Verdicts on traces."""

import re
from dataclasses import replace

import pytest
import stub_server

from potstill.models.served.client import RetryPolicy, ServedModel
from potstill.recipe import Checks, Judge, Policy
from potstill.records import Problem, Trace
from potstill.verify import Verdicts, judge, verdict_of

PROBLEM = Problem(id="p", question="How many?", gold="42")
TRACE = Trace(
    problem_key=PROBLEM.key,
    teacher="teacher",
    strategy="zero_shot",
    prompt_key="prompt",
    sample=0,
    attempt=0,
    sampling="{}",
    reasoning="thinking: 41",
    answer="The answer is 42.",
    finish="stop",
)


def test_a_finished_trace_is_judged_by_its_answer_alone():
    verdict = verdict_of(PROBLEM, TRACE, Checks())
    assert (verdict.outcome, verdict.cause, verdict.extracted, verdict.score) == ("right", "", "42", 1.0)
    assert (verdict.trace_key, verdict.check) == (TRACE.key, "answer")
    assert verdict_of(PROBLEM, replace(TRACE, answer="41"), Checks()).outcome == "wrong"
    in_thinking = replace(TRACE, reasoning="\\boxed{42}", answer="")
    assert verdict_of(PROBLEM, in_thinking, Checks()).outcome == "unknown"


@pytest.mark.parametrize(
    ("finish", "failure", "cause", "reason"),
    [
        ("length", "", "unparsable prediction", "truncated"),
        ("refused", "content filter", "infrastructure", "content filter"),
        ("failed", "", "infrastructure", "failed"),
    ],
)
def test_an_unfinished_trace_is_unknown_even_with_the_right_words(finish, failure, cause, reason):
    verdict = verdict_of(PROBLEM, replace(TRACE, finish=finish, failure=failure), Checks())
    assert (verdict.outcome, verdict.cause, verdict.reason) == ("unknown", cause, reason)


@pytest.mark.parametrize("finish", ["stop", "length", "failed"])
def test_no_gold_is_unknown_however_the_trace_ends(finish):
    assert judge(replace(PROBLEM, gold=None), "42", Checks()).cause == "no gold"
    assert verdict_of(replace(PROBLEM, gold=None), replace(TRACE, finish=finish), Checks()).cause == "no gold"


def test_the_policy_is_part_of_the_verdicts_address():
    strict = verdict_of(PROBLEM, TRACE, Checks(policy=Policy(percent="strict")))
    ignoring = verdict_of(PROBLEM, TRACE, Checks())
    assert strict.policy != ignoring.policy
    assert strict.key != ignoring.key
    assert verdict_of(PROBLEM, TRACE, Checks()) == ignoring


class Believing(stub_server.Stub):
    """A judge that finds every answer right."""

    def completion(self, body, **changes):
        nonce, answer = re.search(
            r"<answer-(\w+)>\n(.*)\n</answer", body["messages"][-1]["content"], re.DOTALL
        ).groups()
        said = f"QUOTE-{nonce}: {answer}\nVERDICT-{nonce}: RIGHT"
        return super().completion(body, message={"role": "assistant", "content": said})


def said(problem, answer, **fields):
    return problem, replace(TRACE, problem_key=problem.key, answer=answer, **fields)


COLOUR = Problem(id="c", question="Which colour?", gold="light red", answer_kind="text")
UNDECIDED = [
    said(PROBLEM, "It is as many as the weeks of six years less some."),
    said(PROBLEM, "As many as there are, which is not few."),
]
DECIDED = [(PROBLEM, TRACE), said(PROBLEM, "41"), said(COLOUR, "light red"), said(PROBLEM, "42", finish="length")]


def test_a_judge_is_asked_about_the_undecided_alone_and_once(tmp_path, monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", Believing)
    asked = [*DECIDED, *UNDECIDED]
    plain = [verdict_of(problem, trace, Checks()) for problem, trace in asked]
    with stub_server.running() as stub:
        checks = Checks(judge=Judge(base_url=stub.url, model="m"))
        with Verdicts(checks, folder=tmp_path) as verdicts:
            found = list(verdicts.many(asked))
        assert stub.stats()["requests"] == len(UNDECIDED)
        with Verdicts(checks, folder=tmp_path) as verdicts:
            assert list(verdicts.many(asked)) == found
        assert stub.stats()["requests"] == len(UNDECIDED), "what was judged is read"
    assert [(v.outcome, v.check, v.reason) for v in found[: len(DECIDED)]] == [
        (v.outcome, "answer", v.reason) for v in plain[: len(DECIDED)]
    ]
    believed, unread = found[len(DECIDED) :]
    assert (believed.outcome, believed.check, believed.cause) == ("right", "judge", "")
    assert believed.method.startswith("judge m, prompt ")
    assert (unread.outcome, unread.check) == ("unknown", "judge")
    assert "its quote has no number" in unread.reason


def test_a_judge_that_is_down_leaves_an_outage_and_is_asked_again(tmp_path, monkeypatch):
    monkeypatch.setattr(stub_server, "Stub", Believing)
    impatient = RetryPolicy(tries=1, unreachable_tries=1, first_wait=0.001)
    monkeypatch.setattr(ServedModel.__init__, "__defaults__", (impatient,))
    asked = [*DECIDED, *UNDECIDED]
    with stub_server.running() as stub:
        down = Checks(judge=Judge(base_url="http://127.0.0.1:9/v1", model="m"))
        with Verdicts(down, folder=tmp_path) as verdicts:
            first = list(verdicts.many(asked))
        assert [(v.outcome, v.cause, v.check) for v in first[len(DECIDED) :]] == [
            ("unknown", "infrastructure", "judge")
        ] * len(UNDECIDED)
        assert all("unreachable" in v.reason for v in first[len(DECIDED) :])
        with Verdicts(Checks(judge=Judge(base_url=stub.url, model="m")), folder=tmp_path) as verdicts:
            second = list(verdicts.many(asked))
        assert stub.stats()["requests"] == len(UNDECIDED), "another address of the same judge fills the gaps alone"
    assert second[: len(DECIDED)] == first[: len(DECIDED)]
    assert [v.outcome for v in second[len(DECIDED) :]] == ["right", "unknown"]
