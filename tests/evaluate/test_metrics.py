import dataclasses
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.evaluate.metrics import (
    UNSCORED,
    by_problem,
    compare,
    majority_at_k,
    mean_pass_at_k,
    pass_at_k,
    solved,
    summarise,
)
from potstill.records import Measure


def measure(problem="p", sample=0, outcome="right", cause="", finish="stop", extracted="1", looped=False):
    return Measure(
        student="s",
        prompt="zero-shot",
        problem_key=problem,
        sample=sample,
        reasoning="r",
        answer="a",
        finish=finish,
        prompt_tokens=10,
        completion_tokens=20,
        looped=looped,
        outcome=outcome,
        cause=cause,
        extracted=extracted,
    )


CAUSES = [
    "unparsable gold",
    "unparsable prediction",
    "timeout",
    "unsupported",
    "ambiguous",
    "infrastructure",
    "no gold",
]
judged = st.one_of(
    st.tuples(st.sampled_from(["right", "wrong"]), st.just("")), st.tuples(st.just("unknown"), st.sampled_from(CAUSES))
)
responses = st.lists(
    st.builds(
        lambda problem, sample, judged, finish, looped: measure(problem, sample, *judged, finish, looped=looped),
        st.sampled_from("abcdef"),
        st.integers(0, 3),
        judged,
        st.sampled_from(["stop", "length", "refused", "failed"]),
        st.booleans(),
    ),
    max_size=30,
)


@pytest.mark.parametrize("cause", CAUSES)
def test_only_reasons_outside_the_student_leave_the_denominator(cause):
    outside = cause in {"unparsable gold", "timeout", "infrastructure", "no gold"}
    assert (cause in UNSCORED) == outside
    found = summarise([measure("a"), measure("b", outcome="unknown", cause=cause)])
    assert found.accuracy.value == (1.0 if outside else 0.5)
    assert (found.unscored, found.unanswered) == ((1, 0) if outside else (0, 1))


def test_a_truncated_response_never_solves_and_never_helps():
    assert solved(measure(finish="length")) is False
    cut = measure("b", outcome="unknown", cause="unparsable prediction", finish="length")
    found = summarise([measure("a"), cut])
    assert found.accuracy.value == 0.5
    assert (found.truncated, found.unanswered, found.truncated_rate) == (1, 0, 0.5)


@given(responses)
def test_counts_add_up(measures):
    found = summarise(measures)
    assert found.scored + found.unscored == found.responses == len(measures)
    assert found.right + found.truncated + found.unanswered <= found.scored
    assert found.problems == len(by_problem(measures))
    assert sum(found.causes.values()) == sum(m.outcome == "unknown" for m in measures)


@given(responses, st.sampled_from(sorted(UNSCORED)), st.sampled_from("abcxyz"))
def test_adding_an_unscored_response_moves_no_score(measures, cause, problem):
    extra = measure(problem, 9, "unknown", cause)
    before, after = summarise(measures), summarise([*measures, extra])
    assert (before.accuracy, before.right, before.scored) == pytest.approx(
        (after.accuracy, after.right, after.scored), nan_ok=True
    ) or math.isnan(before.accuracy.value)
    assert after.unscored == before.unscored + 1


@given(responses, st.integers(0, 29), st.sampled_from(sorted(UNSCORED)))
def test_making_a_check_fail_never_raises_what_the_accuracy_is_at_least(measures, index, cause):
    if not measures:
        return
    index %= len(measures)
    failed = dataclasses.replace(measures[index], outcome="unknown", cause=cause)
    before, after = summarise(measures), summarise([*measures[:index], failed, *measures[index + 1 :]])
    assert after.at_least <= before.at_least + 1e-12


@given(responses, st.integers(0, 29))
def test_falling_silent_never_raises_accuracy(measures, index):
    if not measures:
        return
    index %= len(measures)
    told = measures[index]
    if solved(told) is None:
        return
    silent = measure(told.problem_key, told.sample, "unknown", "unparsable prediction", extracted=None)
    changed = [*measures[:index], silent, *measures[index + 1 :]]
    assert summarise(changed).accuracy.value <= summarise(measures).accuracy.value + 1e-12


def test_pass_at_1_weighs_problems_not_samples():
    many = [measure("a", i) for i in range(9)]
    assert summarise([*many, measure("b", outcome="wrong")]).accuracy.value == 0.5


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_equals_counting_every_draw(case):
    samples, right, k = case
    draws = list(itertools.combinations([True] * right + [False] * (samples - right), k))
    assert pass_at_k(samples, right, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_refuses_what_is_not_defined_and_survives_large_counts():
    with pytest.raises(ValueError, match="pass@3"):
        pass_at_k(2, 1, 3)
    assert pass_at_k(10_000, 3, 5_000) == pytest.approx(0.875, abs=1e-3)


def test_mean_pass_at_k_skips_problems_with_too_few_samples():
    measures = [measure("a", 0), measure("a", 1, "wrong"), measure("b", 0, "wrong")]
    assert mean_pass_at_k(measures, 1).value == pytest.approx(0.25)
    assert mean_pass_at_k(measures, 2).value == 1.0


def test_majority_votes_by_answer_and_shares_ties():
    def votes(*answers, problem="a"):
        return [
            measure(problem, i, "right" if a == "7" else "wrong" if a else "unknown",
                    "" if a else "unparsable prediction", extracted=a)
            for i, a in enumerate(answers)
        ]  # fmt: skip

    assert majority_at_k(votes("7", "3", "7"), 3).value == 1.0
    assert majority_at_k(votes("3", "3", "7"), 3).value == 0.0
    assert majority_at_k(votes("7", "3"), 2).value == 0.5
    assert majority_at_k(votes(None, None, "7"), 3).value == 1.0
    assert majority_at_k(votes(None, None, None), 3).value == 0.0
    assert majority_at_k(votes("7", "7", "3", "3", "3"), 2).value == pytest.approx(0.5)


def test_compare_uses_only_problems_scored_on_both_sides():
    a = [measure("a"), measure("b"), measure("c", outcome="unknown", cause="infrastructure")]
    b = [measure("a", outcome="wrong"), measure("b"), measure("c")]
    found = compare(a, b)
    assert (found.problems, found.better, found.worse, found.difference) == (2, 1, 0, 0.5)
    assert compare(a, []).problems == 0


def test_nothing_measured_is_not_a_number_with_an_open_interval():
    found = summarise([])
    assert math.isnan(found.accuracy.value)
    assert (found.accuracy.low, found.accuracy.high) == (0.0, 1.0)
