"""Scores of steps as advantages: worked out by hand, and what must hold whatever the scores are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.train.process import step_advantages, whole

GROUP = [[1.0, 0.0, 1.0], [1.0, 1.0], [1.0, None, 1.0, 1.0]]


def test_the_lowest_score_from_a_step_on():
    """The first answer has 0, 0, 1 from its steps on, the others 1 everywhere; the mean of their lowest is 2/3."""
    found = step_advantages(GROUP, "min")
    assert found[0] == pytest.approx([-2 / 3, -2 / 3, 1 / 3])
    assert found[1] == pytest.approx([1 / 3, 1 / 3])
    assert found[2] == pytest.approx([1 / 3, 0.0, 1 / 3, 1 / 3]), "a step of which nothing is known has no reward"


def test_progress_is_what_a_step_adds():
    found = step_advantages([[0.5, 0.2, 0.9], [0.4, 0.1]], "progress")
    assert found[0] == pytest.approx([0.0, -0.3, 0.7])  # b is (0.9 + 0.1) / 2
    assert found[1] == pytest.approx([-0.1, -0.3])


def test_a_sum_rewards_length():
    long, short = step_advantages([[0.5] * 6, [0.9, 0.9]], "sum")
    assert long[0] == pytest.approx(3.0 - 2.4)
    assert short[0] == pytest.approx(1.8 - 2.4)
    assert (
        step_advantages([[0.5] * 6, [0.9, 0.9]], "min")[1][0] > 0 > step_advantages([[0.5] * 6, [0.9] * 2], "min")[0][0]
    )


@pytest.mark.parametrize("form", ["min", "progress", "sum"])
def test_groups_that_say_nothing(form):
    same = [[0.1 + 0.2, 0.1 + 0.2], [0.1 + 0.2, 0.1 + 0.2]]
    assert step_advantages(same, form) == ([None, None] if form != "sum" else step_advantages(same, form))
    assert step_advantages([[0.3, 0.4]], form) == [None], "one answer is no group"
    assert step_advantages([[0.3, 0.4], None], form) == [None, None]
    assert step_advantages([[None], [None, None]], form) == [None, None]
    assert step_advantages([], form) == []


scores = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=7), min_size=2, max_size=5)


@given(scores)
def test_progress_telescopes_to_the_last_score_however_many_steps_there_are(answers):
    found = step_advantages(answers, "progress")
    if found[0] is None:
        return
    base = sum(one[-1] for one in answers) / len(answers)
    for steps, advantage in zip(answers, found, strict=True):
        assert sum(advantage) == pytest.approx(steps[-1] - base, abs=1e-9)
    assert sum(map(sum, found)) == pytest.approx(0, abs=1e-9)


@given(scores, st.sampled_from(["min", "progress", "sum"]), st.randoms())
def test_an_unknown_step_moves_nobody_elses_reward(answers, form, rng):
    found = step_advantages(answers, form)
    holed = [list(one) for one in answers]
    place = rng.randrange(len(holed[0]) + 1)
    holed[0].insert(place, None)
    again = step_advantages(holed, form)
    if found[0] is None:
        assert again == found
        return
    assert again[0][place] == 0
    assert [*again[0][:place], *again[0][place + 1 :]] == pytest.approx(found[0])
    assert again[1:] == found[1:]


@given(scores)
def test_the_first_step_of_min_has_what_the_whole_comes_to(answers):
    found = step_advantages(answers, "min")
    if found[0] is not None:
        base = sum(whole(one, "min") for one in answers) / len(answers)
        assert [one[0] for one in found] == pytest.approx([min(one) - base for one in answers])
