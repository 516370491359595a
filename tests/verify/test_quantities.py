"""Numbers and numbers with units under the declared conventions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.recipe import Policy
from potstill.verify.closeness import figures_of
from potstill.verify.quantities import compare_compound, compare_numbers, parse_compound, parse_quantity
from potstill.verify.units import unit_of


def outcome(gold, prediction, **policy):
    wanted, stated = parse_quantity(gold), parse_quantity(prediction)
    assert wanted is not None
    assert stated is not None
    if parse_compound(gold) or parse_compound(prediction):
        return compare_compound(stated, wanted, Policy(**policy)).outcome
    return compare_numbers(stated, wanted, Policy(**policy)).outcome


@pytest.mark.parametrize(
    ("gold", "prediction"),
    [
        ("5 cm", "50 mm"), ("5 cm", "0.05 meters"), ("36 km/h", "10 m/s"), ("60 mph", "60 miles per hour"),
        ("5 m^2", "5 square meters"), ("5 m^2", "50000 cm^2"), ("15\\mbox{ cm}^2", "15 cm²"), ("1 L", "1000 cm^3"),
        ("2 hours", "120 minutes"), ("1 hour", "3600 s"), ("1 kWh", "3.6 MJ"), ("9.8 m/s^2", "9.8 m s^{-2}"),
        ("$5.00", "5 dollars"), ("$5", "500 cents"), ("\\$5", "$5.00"), ("25 °C", "77 °F"), ("25 °C", "25 degrees"),
        ("90^\\circ", "90 degrees"), ("10 N", "10 kg*m/s^2"), ("1 mile", "5280 ft"), ("1 lb", "16 ounces"),
        ("12 inches tall", "1 foot"), ("3 cm of rain", "30 mm"), ("5 apples", "5 red apples"),
        ("5 units", "5 square units"), ("5 ft 3 in", "63 inches"), ("5 ft 3 in", "5'3\""),
        ("2 hours 30 minutes", "2.5 hours"), ("1 year", "12 months"), ("2 hours and 30 minutes", "150 min"),
        ("$5 and 25 cents", "$5.25"), ("100 kilometres", "100 km"), ("£5", "5 pounds"), ("5 ft-lb", "5 ft lb"),
    ],
)  # fmt: skip
def test_the_same_quantity(gold, prediction):
    assert outcome(gold, prediction) == "right"
    assert outcome(prediction, gold) == "right"


@pytest.mark.parametrize(
    ("gold", "prediction"),
    [
        ("5 cm", "5 m"), ("5 cm", "5 cm^2"), ("5 cm", "5 seconds"), ("$5", "5 euros"), ("$5", "5 cents"),
        ("36 km/h", "36 m/s"), ("25 °C", "25 °F"), ("5 ft 3 in", "5.3 feet"), ("2 hours 30 minutes", "2.3 hours"),
        ("5 MW", "5 mW"), ("10 kg", "10 g"), ("5 apples", "6 oranges"), ("5 cm", "6"), ("5 miles", "8 km"),
        ("5 min", "5 m"), ("60 miles per hour", "60 miles"),
    ],
)  # fmt: skip
def test_another_quantity(gold, prediction):
    assert outcome(gold, prediction) == "wrong"
    assert outcome(prediction, gold) == "wrong"


@pytest.mark.parametrize(
    ("gold", "prediction"),
    [("5 apples", "5 oranges"), ("150", "2 hours 30 minutes"), ("1 year", "365 days"), ("5 cm", "5 apples")],
)
def test_what_stays_open(gold, prediction):
    assert outcome(gold, prediction) == "unknown"


@pytest.mark.parametrize(
    "words", ["apples", "units", "points", "eggs", "pages", "dates", "people", "because of rain", "", "x" * 500, "of"]
)
def test_nouns_are_no_units(words):
    assert unit_of(words) is None


@given(st.text(max_size=90))
def test_any_words_are_a_unit_or_none(words):
    unit = unit_of(words)
    assert unit is None or unit.factor > 0


@given(
    st.integers(1, 10**6),
    st.sampled_from([("km", "m", 1000), ("hours", "min", 60), ("ft", "inches", 12), ("L", "mL", 1000)]),
)
def test_conversion_is_exact(count, units):
    large, small, factor = units
    assert outcome(f"{count} {large}", f"{count * factor} {small}") == "right"
    assert outcome(f"{count} {large}", f"{count * factor + 1} {small}") == "wrong"


def test_tolerance_is_relative_and_for_decimals_only():
    assert outcome("3.14", "3.1416") == "wrong"
    assert outcome("3.14", "3.1416", tolerance=0.001) == "right"
    assert outcome("3.1", "3.1416", tolerance=0.001) == "wrong"
    assert outcome("1001", "1000", tolerance=0.01) == "wrong"
    assert outcome("5 miles", "8.047 km", tolerance=0.001) == "right"


def test_significant_figures():
    assert outcome("0.333", "1/3", significant_figures="gold") == "right"
    assert outcome("0.334", "1/3", significant_figures="gold") == "wrong"
    assert outcome("1/3", "0.33", significant_figures=2) == "right"
    assert outcome("16386.2", "16386.17", significant_figures="gold") == "right"
    assert outcome("-0.05", "-0.0451", significant_figures=1) == "right"
    assert outcome("16386", "16387", significant_figures=2) == "wrong"
    assert [figures_of(written) for written in ("0.050", "1,234", "3.1416", "-2.0")] == [2, 4, 5, 2]


def test_a_decimal_with_many_figures_stands_for_the_value_it_rounds():
    assert outcome("1/3", "0.333333333333333") == "right"
    assert outcome("1/12", "0.083333333333333329") == "wrong"
    assert outcome("1/3", "0.333333333") == "wrong"
    assert outcome("0.3333333333333", "0.3333333333334") == "wrong"


@given(st.fractions(max_denominator=10**6), st.integers(1, 6))
def test_rounding_never_loses_an_equal_value(value, figures):
    text = f"{value.numerator}/{value.denominator}"
    assert outcome(text, f"{text}", significant_figures=figures) == "right"
    assert Fraction(parse_quantity(text).value) == value
