"""Figures that are put together are as uncertain as their parts, and what is not known stays unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.planning.figures import BASES, Figure, assumed, known, largest, product, quotient, total

NUMBERS = st.floats(0.001, 1e6)


@st.composite
def figures(draw):
    low, value, high = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
    return Figure(value=value, low=low, high=high, basis=draw(st.sampled_from(BASES)), how="drawn")


@given(figures(), figures(), st.data())
def test_what_holds_of_the_parts_holds_of_what_is_made_of_them(one, other, data):
    x, y = (data.draw(st.floats(each.low, each.high)) for each in (one, other))
    for made, true in (
        (product("", one, other), x * y), (quotient("", one, other), x / y), (total("", [one, other]), x + y),
        (largest("", [one, other]), max(x, y)),
    ):  # fmt: skip
        assert made.low * (1 - 1e-9) <= true <= made.high * (1 + 1e-9)
        assert BASES.index(made.basis) == max(BASES.index(each.basis) for each in (one, other))


def test_unknown_stays_unknown():
    assert product("", known(2, ""), None) is None
    assert total("", [known(2, ""), None]) is None
    assert quotient("", None, known(2, "")) is None
    assert total("", []) is None


def test_a_figure_outside_its_interval_is_none():
    with pytest.raises(ValueError, match="<="):
        assumed(3, 2, 4, "wrong")
    assert assumed(1, 5, 9, "").at_most(4) == assumed(1, 4, 4, "")
