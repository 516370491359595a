"""Best-of-n beside the majority and pass@n: by hand, and what must hold whatever the scores are."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.evaluate.best_of import best_of
from potstill.evaluate.metrics import majority_at_k
from potstill.evaluate.scorers import Assessed, assess
from potstill.records import Measure


def measure(problem, sample, right, said="1", finish="stop"):
    return Measure(
        student="s", prompt="zero-shot", problem_key=problem, sample=sample, reasoning="r", answer=said, finish=finish,
        prompt_tokens=1, completion_tokens=1, looped=False, outcome="right" if right else "wrong", cause="",
        extracted=said,
    )  # fmt: skip


def test_by_hand():
    measures = [
        measure("a", 0, False, "2"),
        measure("a", 1, False, "2"),
        measure("a", 2, True),
        measure("a", 3, False, "3"),
    ]
    measures += [measure("b", n, n == 3, str(n)) for n in range(4)]
    scores = {("a", n): value for n, value in enumerate((0.1, 0.2, 0.9, None))} | {("b", n): 0.5 for n in range(4)}
    two, four = best_of(measures, scores, 4)
    assert (two.n, four.n) == (2, 4)
    assert four.passed.value == 1
    assert four.majority.value == pytest.approx((0 + 1 / 4) / 2)
    assert four.best.value == pytest.approx((1 + 1 / 4) / 2), "of equal scores each counts alike"
    assert two.best.value == pytest.approx(((0 + 1) / 2 + (0 + 1 / 2) / 2) / 2)
    assert four.difference.difference == pytest.approx(four.best.value - four.majority.value)


def test_votes_are_weighed_by_hand():
    """Two responses of 0.4 outvote one of 0.7 that best-of-n takes; one without a score votes with nothing."""
    measures = [measure("a", 0, True), measure("a", 1, True), measure("a", 2, False, "2"), measure("a", 3, False, "3")]
    scores = {("a", 0): 0.4, ("a", 1): 0.4, ("a", 2): 0.7, ("a", 3): None}
    four = best_of(measures, scores, 4)[-1]
    assert four.best.value == 0
    assert four.weighted.value == 1
    scores[("a", 2)] = 0.9
    assert best_of(measures, scores, 4)[-1].weighted.value == 0
    assert best_of(measures, {}, 4)[-1].weighted.value == pytest.approx(1 / 3), "nothing has a weight: all alike"


def test_one_without_a_score_is_never_taken_before_one_with():
    measures = [measure("a", 0, True), measure("a", 1, False)]
    assert best_of(measures, {("a", 1): 0.0}, 2)[0].best.value == 0
    assert best_of(measures, {}, 2)[0].best.value == 0.5


outcomes = st.lists(st.lists(st.tuples(st.booleans(), st.sampled_from(["1", "2", "3"])), min_size=4, max_size=9),
                    min_size=1, max_size=5)  # fmt: skip


@given(outcomes, st.randoms())
def test_best_is_never_above_pass_and_scores_by_the_truth_reach_it(problems, rng):
    measures = [
        measure(str(p), n, right, said) for p, row in enumerate(problems) for n, (right, said) in enumerate(row)
    ]
    drawn = {(one.problem_key, one.sample): rng.random() for one in measures}
    truth = {(one.problem_key, one.sample): float(one.outcome == "right") for one in measures}
    for by_chance, by_truth in zip(best_of(measures, drawn, 4), best_of(measures, truth, 4), strict=True):
        assert by_chance.best.value <= by_truth.best.value + 1e-12
        assert by_chance.majority == majority_at_k(measures, by_chance.n)
    alike = dict.fromkeys(drawn, 0.5)
    for one in best_of(measures, alike, 4):
        assert one.weighted == one.majority, "equal weights are votes"
    exact = [
        Fraction(sum(m.outcome == "right" for m in measures if m.problem_key == str(p)) > 0)
        for p in range(len(problems))
    ]
    if all(len(row) == 4 for row in problems):
        assert best_of(measures, truth, 4)[-1].best.value == pytest.approx(float(sum(exact) / len(exact)))


def test_a_scorer_is_measured_by_the_first_wrong_step_and_by_its_calibration():
    rows = [
        Assessed(solution=str(n), shares=(1.0, 0.0, None) if n % 2 else (1.0, 1.0, 1.0),
                 scores=(0.9, 0.2, 0.1) if n % 2 else (0.9, 0.9, 0.8))
        for n in range(40)
    ]  # fmt: skip
    found = assess([*rows, Assessed(solution="x", shares=(None,), scores=(0.1,))])
    assert (found.solutions, found.unscored, found.steps) == (40, 0, 100)
    assert found.at_half.f1.value == 1.0
    assert found.tuned.f1.value == 1.0
    assert 0.2 < found.threshold < 0.8
    assert found.minima_last == 1.0
    assert found.brier == pytest.approx((60 * 0.01 + 20 * 0.04 + 20 * 0.04) / 100)
    assert sum(part.count for part in found.bins) == 100
    blind = assess([Assessed(solution=row.solution, shares=row.shares, scores=None) for row in rows])
    assert (blind.unscored, blind.steps) == (40, 0)
    assert blind.at_half.f1.value == 0
