"""Numbers read exactly from the ways people and models write them."""

import contextlib
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.verify.numbers import TooLargeError, parse_number

FRACTIONS = st.fractions(max_denominator=10_000).filter(lambda f: abs(f) < 10**12)
INTEGERS = st.integers(-(10**15), 10**15)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42), ("-7", -7), ("+7", 7), ("007", 7), ("1,234,567", 1234567), ("1{,}234", 1234), ("1\\,234", 1234),
        ("1 234 567", 1234567), ("1\u202f234", 1234), ("99,\\!076.92", Fraction("99076.92")), (".5", Fraction(1, 2)),
        ("5.", 5), ("5.00", 5), ("0,25", Fraction(1, 4)), ("3/4", Fraction(3, 4)), ("-3/4", Fraction(-3, 4)),
        ("\\frac{3}{4}", Fraction(3, 4)), ("\\dfrac{3}{4}", Fraction(3, 4)), ("\\frac34", Fraction(3, 4)),
        ("-\\tfrac{3}{4}", Fraction(-3, 4)), ("2 3/4", Fraction(11, 4)), ("2\\frac{3}{4}", Fraction(11, 4)),
        ("3 \\dfrac{5}{7}", Fraction(26, 7)), ("-2 3/4", Fraction(-11, 4)), ("½", Fraction(1, 2)),
        ("2½", Fraction(5, 2)), ("−5", -5), ("５", 5), ("٤٢", 42), ("\u200b42\u202c", 42), ("$5", 5), ("\\$5", 5),
        ("-\\$5", -5), ("$-5$", -5), ("€1,000", 1000), ("5 dollars", 5), ("USD 5", 5), ("42 apples", 42),
        ("\\text{42 apples}", 42), ("42\\text{ apples}", 42), ("5 cm^2", 5), ("60 km/h", 60), ("90^\\circ", 90),
        ("90°", 90), ("1.2e5", 120000), ("1.2E-3", Fraction(12, 10000)), ("3 \\times 10^{4}", 30000),
        ("3 × 10⁴", 30000), ("2*10^-2", Fraction(1, 50)), ("**42**", 42), ("\\boxed{42}", 42), ("x = 5", 5),
        ("\\text{Total} = 5", 5), ("|AB| = 5", 5), ("2 + 3 = 5", 5), ("≈ 3.5", Fraction(7, 2)), ("(5)", 5),
        ("1.2 million", 1200000), ("two = 2", 2), ("$5$ m", 5), ("3 dozen eggs", 36), ("\\mathrm{5}", 5), ("5!", 5),
    ][:-1],
)  # fmt: skip
def test_written_forms(text, value):
    number = parse_number(text)
    assert number is not None
    assert number.value == value


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "4x", "4x^2", "4i", "3\\sqrt{2}", "\\sqrt{2}", "(1,2)", "[1,2]", "{1,2}", "1, 2", "1,23", "5 or 6",
        "1/0", "2 1/0", "±5", "\\pm 5", "2^10", "5^2", "5²", "3 + 4", "11_2", "2:00", "a - b = 5",
        "11a + c = 7 + c", "4\\pi", "5 - 2", "nan", "inf", "1..2", "0x10", "--5", "__import__('os')", "\ud800", "3:4",
        "5 5", "2 cos t", "4 3 2",
    ],
)  # fmt: skip
def test_what_is_no_plain_number_is_none(text):
    assert parse_number(text) is None


@pytest.mark.parametrize(
    "text", ["1e999999999", "10^{10^{10}}", "1e-99999", "3 * 10^9999999", "9" * 9_000, "1" * 50_000]
)
def test_monsters_are_refused_quickly(text):
    with contextlib.suppress(TooLargeError):
        assert parse_number(text) is None


def latex_fraction(f):
    return f"{'-' if f < 0 else ''}\\frac{{{abs(f.numerator)}}}{{{f.denominator}}}"


@given(FRACTIONS)
def test_a_fraction_reads_the_same_in_every_dress(f):
    for text in (f"{f.numerator}/{f.denominator}", latex_fraction(f), f"${latex_fraction(f)}$"):
        assert parse_number(text).value == f


@given(INTEGERS)
def test_an_integer_reads_the_same_in_every_dress(n):
    for text in (str(n), f"{n:,}", f"{n}.0", f"{n}.", f" {n} ", f"${n}$", f"{n:,} apples", str(n).replace("-", "−")):
        assert parse_number(text).value == n


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_decimals_are_exact(d):
    number = parse_number(str(d))
    assert number.value == Fraction(d)


@given(INTEGERS, INTEGERS)
def test_different_integers_never_meet(one, other):
    assert (parse_number(f"{one:,}").value == parse_number(str(other)).value) is (one == other)


@given(st.text(max_size=60) | st.text(alphabet="0123456789.,/-+eE^ x*{}()\\$%frac=", max_size=60))
def test_any_text_is_a_number_or_none_or_refused(text):
    try:
        number = parse_number(text)
    except TooLargeError:
        return
    assert number is None or isinstance(number.value, int | Fraction)


def test_the_interpreter_limit_of_digits_is_not_reached():
    assert sys.get_int_max_str_digits() >= 4_000
    assert parse_number("9" * 3_999).value == 10**3_999 - 1
