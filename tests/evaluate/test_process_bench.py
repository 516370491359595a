"""The ProcessBench protocol: its definition, its intervals, and what an abstention changes."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.evaluate.process_bench import Located, best_threshold, f1, process_bench
from potstill.verify.steps.prm import first_below

STEPS = st.one_of(st.none(), st.integers(0, 4))
ROWS = st.lists(st.builds(Located, st.sampled_from("abc"), STEPS, STEPS, st.booleans()), max_size=40)


def by_definition(rows):
    """Work F1 out as the paper's evaluation script does, with -1 for no wrong step."""
    numbered = [(-1 if row.label is None else row.label, row) for row in rows]
    results = [
        (label, None if row.abstained else -1 if row.predicted is None else row.predicted) for label, row in numbered
    ]
    errors = [predicted == label for label, predicted in results if label != -1]
    correct = [predicted == label for label, predicted in results if label == -1]
    one, two = sum(errors) / len(errors) * 100, sum(correct) / len(correct) * 100
    return 2 * one * two / (one + two) / 100 if one + two else 0.0


@given(ROWS)
def test_f1_equals_its_definition(rows):
    board = process_bench(rows)
    for name, score in board.subsets.items():
        mine = [row for row in rows if row.subset == name]
        if all(row.label is None for row in mine) or not any(row.label is None for row in mine):
            assert math.isnan(score.f1.value)
        else:
            assert score.f1.value == pytest.approx(by_definition(mine), abs=1e-9)
    values = [score.f1.value for score in board.subsets.values()]
    if values and not any(map(math.isnan, values)):
        assert board.average_f1.value == pytest.approx(sum(values) / len(values), abs=1e-9)
    else:
        assert math.isnan(board.average_f1.value)


@given(ROWS)
def test_intervals_hold_their_value(rows):
    board = process_bench(rows)
    scores = [part for score in board.subsets.values() for part in (score.erroneous, score.correct, score.f1)]
    for found in (*scores, board.average_f1):
        assert 0 <= found.low <= found.high <= 1
        assert math.isnan(found.value) or found.low <= found.value <= found.high


def test_an_abstention_is_counted_and_is_no_hit():
    rows = [Located("s", 1, 1), Located("s", 2, None, abstained=True), Located("s", None, None),
            Located("s", None, None, abstained=True)]  # fmt: skip
    score = process_bench(rows).subsets["s"]
    assert (score.count_erroneous, score.count_correct) == (2, 2)
    assert (score.abstained_erroneous, score.abstained_correct) == (1, 1)
    assert (score.erroneous.value, score.correct.value, score.f1.value) == (0.5, 0.5, 0.5)
    assert score.f1_decided == 1.0


def test_naming_another_step_is_no_hit():
    score = process_bench([Located("s", 1, 2), Located("s", None, None)]).subsets["s"]
    assert (score.erroneous.value, score.correct.value, score.f1.value) == (0.0, 1.0, 0.0)
    assert score.f1.high > 0


def test_f1_of_nothing_found_is_zero():
    assert f1(0.0, 0.0) == 0.0
    assert f1(1.0, 0.5) == pytest.approx(2 / 3)


def test_the_interval_of_f1_holds_the_truth_about_as_often_as_it_says():
    draw = random.Random(7)
    for erroneous, correct, size in ((0.8, 0.9, 60), (0.5, 0.6, 30), (0.95, 0.3, 100)):
        truth, held = f1(erroneous, correct), 0
        for _ in range(400):
            rows = [Located("s", 0, 0 if draw.random() < erroneous else None) for _ in range(size)]
            rows += [Located("s", None, None if draw.random() < correct else 0) for _ in range(size)]
            interval = process_bench(rows).subsets["s"].f1
            held += interval.low <= truth <= interval.high
        assert 0.92 <= held / 400 <= 0.995


def test_a_reward_model_names_the_first_step_below_its_threshold():
    assert first_below([0.9, 0.4, 0.1], 0.5) == 1
    assert first_below([0.9, 0.5], 0.5) is None
    assert first_below([], 0.5) is None


@given(st.lists(st.tuples(STEPS, st.lists(st.floats(0, 1), min_size=5, max_size=5)), min_size=1, max_size=12))
def test_the_best_threshold_is_no_worse_than_any_other(scored):
    if all(label is None for label, _ in scored) or not any(label is None for label, _ in scored):
        with pytest.raises(ValueError, match="solutions with a wrong step"):
            best_threshold(scored)
        return

    def quality(threshold):
        found = [Located("s", label, first_below(scores, threshold)) for label, scores in scored]
        return process_bench(found).average_f1.value

    best = quality(best_threshold(scored))
    tried = [0.0, 0.5, 1.0, 2.0, *(score for _, scores in scored for score in scores)]
    assert best >= max(map(quality, tried)) - 1e-12
