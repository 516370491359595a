"""One policy on every road: what holds of a number holds of the containers that it stands in."""

import random

import pytest

from potstill.recipe import Policy
from potstill.verify.answers import judge_answer
from potstill.verify.closeness import close, figures_of

POLICIES = (
    Policy(), Policy(tolerance=0.01), Policy(significant_figures=3), Policy(significant_figures="gold"),
    Policy(percent="strict"),
)  # fmt: skip
CONTAINERS = ("{}", "({}, 1)", r"\{{{}, 1\}}", "{}, 1", r"\begin{{pmatrix}} {} \\ 1 \end{{pmatrix}}", "x = {}")


def outcome(answer, gold, policy=None):
    return judge_answer(answer, gold, "auto", (), policy or Policy(), seconds=5.0).outcome


def pairs(count):
    dice = random.Random(20261129)
    for _ in range(count):
        above, below = dice.randint(1, 400), dice.choice((3, 7, 9, 8, 25))
        exact, places = above / below, dice.choice((1, 2, 4, 9, 13))
        decimal = f"{exact + dice.choice((0, 0, 0.004 * exact, 0.2 * exact)):.{places}f}"
        spelled = dice.choice(
            (f"{above}/{below}", rf"\frac{{{above}}}{{{below}}}", rf"{above} \cdot \frac{{1}}{{{below}}}")
        )
        yield dice.choice(((spelled, decimal), (decimal, spelled), (decimal, f"{exact:.3f}")))


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_containers_agree_with_their_items(policy):
    for gold, answer in pairs(25):
        outcomes = {shape: outcome(shape.format(answer), shape.format(gold), policy) for shape in CONTAINERS}
        assert len(set(outcomes.values())) == 1, (gold, answer, outcomes)


@pytest.mark.parametrize("answer", ["100/3", r"\frac{10^2}{3}", r"\frac{100}{3}", "33 1/3"])
def test_an_equivalent_spelling_never_changes_a_verdict(answer):
    assert outcome(answer, "33.3333333333") == "right"
    assert outcome(f"({answer}, 1)", "(33.3333333333, 1)") == "right"


def test_exact_values_are_never_close():
    assert close(1, 2, Policy(tolerance=0.9), said="", gold="") == ""
    assert figures_of("100/3") == 0
