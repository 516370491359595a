"""What rollouts are worth, against values worked out by hand and the formulas as TRL 1.16 has them."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.train.advantages import advantages, coefficients, is_dead

GROUP = [1.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("mean", [0.5, -0.5, -0.5, 0.5]),
        ("leave_one_out", [2 / 3, -2 / 3, -2 / 3, 2 / 3]),  # 1 - 1/3 of the others
        ("maxrl", [1.0, -1.0, -1.0, 1.0]),
        ("std", [x / (math.sqrt(1 / 3) + 1e-4) for x in (0.5, -0.5, -0.5, 0.5)]),
    ],
)
def test_of_a_group_by_hand(kind, wanted):
    assert advantages(GROUP, kind) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("kind", ["mean", "std", "leave_one_out", "maxrl"])
def test_unknown_rollouts_leave_their_group_and_change_nothing_for_the_others(kind):
    found = advantages([1.0, None, 0.0, None, 0.0], kind)
    assert [found[1], found[3]] == [None, None]
    assert [found[0], found[2], found[4]] == advantages([1.0, 0.0, 0.0], kind)


def test_a_dead_group_is_found_by_exact_equality_and_not_by_its_spread():
    """0.1 + 0.2 three times has a standard deviation of 7e-17 by some formulas: divided by it, noise is a signal."""
    same = [0.1 + 0.2] * 3
    assert is_dead(same)
    assert advantages(same, "std") == [None] * 3
    assert not is_dead([0.3, 0.1 + 0.2])  # these are two floats, however near
    assert is_dead([None, 1.0])
    assert is_dead([None, None])
    assert is_dead([])


def test_denominators_by_hand():
    groups = [advantages(GROUP, "mean"), [None] * 4, advantages([0.0, 1.0, None, 0.0], "mean")]
    lengths = [[3, 5, 4, 2], [9, 9, 9, 9], [6, 1, 7, 2]]
    tokens = coefficients(groups, lengths, "tokens", 10)
    assert tokens[0] == pytest.approx([0.5 / 23, -0.5 / 23, -0.5 / 23, 0.5 / 23])
    assert tokens[1] == [None] * 4, "a dead group takes no part"
    assert tokens[2][2] is None
    assert tokens[2][1] == pytest.approx((2 / 3) / 23)
    constant = coefficients(groups, lengths, "constant", 10)
    assert constant[0][0] == pytest.approx(0.5 / 70)  # 7 live rollouts of 10 tokens at most
    prompts = coefficients(groups, lengths, "prompts", 10)
    assert prompts[0][0] == pytest.approx(0.5 / 14 / 2)
    assert prompts[2][1] == pytest.approx((2 / 3) / 9 / 2)


REWARDS = st.lists(st.sampled_from([None, 0.0, 1.0]), min_size=2, max_size=6)


@given(st.lists(REWARDS, min_size=1, max_size=5), st.sampled_from(["tokens", "constant", "prompts"]), st.data())
def test_dead_groups_and_unknown_rollouts_move_no_coefficient(rewards, denominator, data):
    lengths = [[data.draw(st.integers(1, 9)) for _ in group] for group in rewards]
    worth = [advantages(group, "mean") for group in rewards]
    found = coefficients(worth, lengths, denominator, 9)
    live = [n for n, group in enumerate(worth) if any(a is not None for a in group)]
    alone = coefficients([worth[n] for n in live], [lengths[n] for n in live], denominator, 9)
    assert [found[n] for n in live] == alone
    for group in worth:
        known = [a for a in group if a is not None]
        assert abs(math.fsum(known)) < 1e-12, "what some gain the others lose"


def test_the_values_of_a_batch_are_those_of_trl():
    """TRL 1.16, `GRPOTrainer`: advantages, and loss types dapo and dr_grpo at a ratio of 1, in plain numbers."""
    groups, lengths, most = [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]], [[4, 2, 7], [3, 3, 5]], 8
    for kind, scaled in (("mean", False), ("std", True)):
        theirs = []
        for rewards in groups:
            mean = sum(rewards) / 3
            theirs += [(r - mean) / (statistics.stdev(rewards) + 1e-4 if scaled else 1) for r in rewards]
        flat = [n for sizes in lengths for n in sizes]
        dapo = -sum(a * n for a, n in zip(theirs, flat, strict=True)) / sum(flat)
        dr_grpo = -sum(a * n for a, n in zip(theirs, flat, strict=True)) / (len(flat) * most)
        for denominator, wanted in (("tokens", dapo), ("constant", dr_grpo)):
            found = coefficients([advantages(r, kind) for r in groups], lengths, denominator, most)
            ours = -sum(k * n for ks, sizes in zip(found, lengths, strict=True) for k, n in zip(ks, sizes, strict=True))
            assert ours == pytest.approx(wanted, rel=1e-12)


def test_maxrl_wants_rewards_above_nothing():
    with pytest.raises(ValueError, match="above 0"):
        advantages([-1.0, 1.0], "maxrl")
