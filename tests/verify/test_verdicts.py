"""Verdicts on traces."""

from dataclasses import replace

import pytest

from potstill.recipe import Checks, Policy
from potstill.records import Problem, Trace
from potstill.verify import judge, verdict_of

PROBLEM = Problem("p", "How many?", "42")
TRACE = Trace(PROBLEM.key, "teacher", "zero_shot", "prompt", 0, 0, "{}", "thinking: 41", "The answer is 42.", "stop")


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


def test_no_gold_is_unknown():
    assert judge(replace(PROBLEM, gold=None), "42", Checks()).cause == "no gold"


def test_the_policy_is_part_of_the_verdicts_address():
    strict = verdict_of(PROBLEM, TRACE, Checks(policy=Policy(percent="strict")))
    ignoring = verdict_of(PROBLEM, TRACE, Checks())
    assert strict.policy != ignoring.policy
    assert strict.key != ignoring.key
    assert verdict_of(PROBLEM, TRACE, Checks()) == ignoring
