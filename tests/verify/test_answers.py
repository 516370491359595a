"""Three-way verdicts of the typed comparison."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.answers import judge_response

FOUR = ("red", "green", "blue", "none of these")


def outcome(response, gold, kind="number", choices=(), **policy):
    return judge_response(response, gold, kind, choices, **policy).outcome


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("540", "\\boxed{540\\text{ meters}}"), ("5", "5.00"), ("15000", "\\boxed{\\$15,\\!000}"), ("11/4", "2 3/4"),
        ("0.5", "\\boxed{\\frac{1}{2}}"), ("1/3", "\\frac{1}{3} \\approx 0.333"), ("2", "x=2"), ("x=2", "2"),
        ("18", "$18"),
        ("5 cm", "5"), ("5 apples", "5 apple"), ("1,234", "1234"), ("120000", "1.2e5"), ("\\sqrt{17}", "$\\sqrt{17}$"),
        ("2024^{4046}", "\\boxed{2024^{4046}}"), ("9" * 5000, "9" * 5000),
        ("$\\frac{9.5}{3}$", "$\\frac{9.5}{3} \\approx 3.17$"),
    ],
)  # fmt: skip
def test_right(gold, response):
    assert outcome(response, gold) == "right"


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("540", "541"), ("5", "-5"), ("2", "2 2/3"), ("10", "4 10/3"), ("0.5", "50"),
        ("36", "\\boxed{\\frac{400}{11}}"),
        ("12345678902", "12345678901"), ("1/3", "0.333"), ("5", "6 apples"),
    ],
)  # fmt: skip
def test_wrong(gold, response):
    assert outcome(response, gold) == "wrong"


@pytest.mark.parametrize(
    ("gold", "response", "cause"),
    [
        ("540", "", "unparsable prediction"),
        ("540", "I give up.", "unparsable prediction"),
        ("2", "\\boxed{\\frac{1+\\sqrt{5}}{2}}", "unsupported"),
        ("4", "4\\sqrt{2}", "unsupported"),
        ("4", "4x^2", "unsupported"),
        ("8", "3, 4, 5, 6, 7, or 8", "ambiguous"),
        ("1128", "\\boxed{18\\text{ hours and }48\\text{ minutes}}", "unsupported"),
        ("5 cm", "5 m", "unsupported"),
        ("128", "\\boxed{86} glasses and \\boxed{42} plates", "ambiguous"),
        ("4", "3 loaves of bread cost $4 more than 2 bagels.", "ambiguous"),
        ("", "5", "no gold"),
        ("1", "\\boxed{2^{2^{2^{49}}}}", "unsupported"),
        ("7", "1e999999999", "unsupported"),
        ("7" * 600, "The answer is " + "7" * 5000, "unsupported"),
        ("8" * 2000, "8" * 5000, "unsupported"),
    ],
)
def test_unknown_is_not_wrong(gold, response, cause):
    judged = judge_response(response, gold, "number")
    assert (judged.outcome, judged.cause) == ("unknown", cause)
    assert judged.score is None


def test_percent_policy():
    assert outcome("10%", "10", percent="ignore") == "right"
    assert outcome("10%", "10", percent="strict") == "wrong"
    assert outcome("10%", "0.1", percent="strict") == "right"
    assert outcome("10\\%", "10 percent", percent="strict") == "right"


def test_tolerance_is_relative_and_for_decimals_only():
    assert outcome("3.14", "3.1416") == "wrong"
    assert outcome("3.14", "3.1416", tolerance=0.001) == "right"
    assert outcome("3.1", "3.1416", tolerance=0.001) == "wrong"
    assert outcome("1001", "1000", tolerance=0.01) == "wrong"


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("B", "The answer is (B).", "right"), ("(B)", "b", "right"), ("green", "B", "right"), ("B", "green", "right"),
        ("B) green", "\\boxed{B}", "right"), ("B", "C", "wrong"), ("B", "A and B", "unknown"), ("Z", "B", "unknown"),
        ("B", "no idea", "unknown"), ("B", "", "unknown"), ("D", "none of these", "right"),
    ],
)  # fmt: skip
def test_choices(gold, response, expected):
    assert outcome(response, gold, "choice", FOUR) == expected


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("Monday", "monday.", "right"), ("Monday", "**Monday**", "right"),
        ("Monday", "\\boxed{\\text{Monday}}", "right"),
        ("3:05", "03:05", "right"), ("03:05", "3:05", "right"), ("3:05", "13:05", "wrong"), ("ﬁve", "five", "right"),
        ("a b", "a  b", "right"), ("Monday", "Tuesday", "wrong"), ("yes", "Some thought.\nYes", "right"),
        ("yes", "Some say yes and some no", "unknown"), ("0 1\n1 0", "0 1\n1 0", "right"), ("Monday", "", "unknown"),
    ],
)  # fmt: skip
def test_texts(gold, response, expected):
    assert outcome(response, gold, "text") == expected


def dresses(f: Fraction):
    sign = "-" if f < 0 else ""
    yield f"{f.numerator}/{f.denominator}"
    yield f"{sign}\\frac{{{abs(f.numerator)}}}{{{f.denominator}}}"
    yield f"The answer is ${sign}\\dfrac{{{abs(f.numerator)}}}{{{f.denominator}}}$."
    if f.denominator == 1:
        yield f"So we have \\boxed{{{f.numerator:,}}} apples."
        yield f"{f.numerator}.00"
        yield f'{{"answer": "{f.numerator}"}}'


FRACTIONS = st.fractions(max_denominator=500).filter(lambda f: abs(f) < 10**9) | st.integers(-9999, 9999).map(Fraction)


@given(FRACTIONS)
def test_every_dress_of_a_value_equals_every_other(f):
    for gold in (f"{f.numerator}/{f.denominator}", str(f)):
        for response in dresses(f):
            assert outcome(response, gold) == "right", (gold, response)


@given(FRACTIONS, FRACTIONS)
def test_different_values_are_never_right(one, other):
    if one != other:
        for response in dresses(other):
            assert outcome(response, str(one)) == "wrong", (one, response)


@given(st.text(max_size=200), st.text(max_size=30), st.sampled_from(["number", "choice", "text"]))
def test_no_text_raises(response, gold, kind):
    judged = judge_response(response, gold, kind, FOUR)
    assert (judged.outcome == "unknown") == bool(judged.cause)
