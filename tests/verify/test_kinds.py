"""What kind of answer a gold is, read from the gold itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.answer_kinds import ANSWER_KINDS
from potstill.verify.kinds import read_gold, undressed


@pytest.mark.parametrize(
    ("gold", "kind"),
    [
        ("5", "number"), ("-3/4", "number"), ("2\\frac34", "number"), ("$\\frac{1}{2}$", "number"), ("10%", "number"),
        ("1.2e5", "number"), ("x = 5", "number"), ("five", "number"), ("11_2", "number"), ("5 apples", "quantity"),
        ("5 cm", "quantity"), ("$5.00", "quantity"), ("5 ft 3 in", "quantity"), ("yes", "yes_no"), ("False", "yes_no"),
        ("B", "choice"), ("(C)", "choice"), ("(D) Alina", "choice"), ("C Cecile", "choice"), ("E: text", "choice"),
        ("July 4, 2021", "date"), ("3:05 pm", "date"), ("no solution", "expression"), ("\\emptyset", "expression"),
        ("x^2+1", "expression"), ("(1, 2)", "expression"), ("[0, 1)", "expression"), ("3:4", "expression"),
        ("x", "expression"), ("A:B=1", "number"), ("1, 2", "expression"), ("\\sqrt{2}", "expression"),
        ("y = x + 1", "expression"), ("Evelyn", "text"), ("] } >", "text"), ("['a', 'b']", "text"),
        ("'08999'", "text"), ("red and blue", "text"),
    ],
)  # fmt: skip
def test_the_kind_that_a_gold_reads_as(gold, kind):
    assert read_gold(gold, "auto").kind == kind


def test_choices_decide_first():
    assert read_gold("5", "auto", ("3", "5")).letters == "B"
    assert read_gold("5", "auto", ("3", "4")).kind == "number"
    assert read_gold("Z", "choice", ("3", "4")).letters is None


@pytest.mark.parametrize(
    ("dressed", "bare"),
    [
        ("$5$", "5"), ("$$5$$.", "5"), ("\\(5\\)", "5"), ("\\[ 5 \\]", "5"), ("\\boxed{5}", "5"),
        ("so \\boxed{x+1}.", "x+1"), ("\\boxed{1} and \\boxed{2}", "1 ; 2"),
        ("\\frac13 \\approx 0.33", "\\frac13"), ("x \\approx 3.01", "x \\approx 3.01"),
        ("log<sub>2</sub>(8)", "log_{2}(8)"), ("x<sup>2</sup>", "x^{2}"), ("5,", "5"),
    ],
)  # fmt: skip
def test_dress_is_taken_off(dressed, bare):
    assert undressed(dressed) == bare


@given(st.text(max_size=100), st.sampled_from(ANSWER_KINDS.names))
def test_any_gold_has_a_kind(gold, kind):
    assert read_gold(gold, kind).kind in set(ANSWER_KINDS.names) - {"auto"}
