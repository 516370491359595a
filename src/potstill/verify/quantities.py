"""Numbers and numbers with units compared exactly, under the declared conventions."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from potstill.recipe import Policy
from potstill.verify.closeness import close
from potstill.verify.judged import Judged, decided, unknown
from potstill.verify.normalise import plain_math
from potstill.verify.numbers import Number, parse_number
from potstill.verify.units import Unit, unit_of

CURRENCIES = ("$", "€", "£", "¥", "₹")
FORM_BITS = 600


def same_value(stated: Number, wanted: Number, policy: Policy) -> bool:
    """Whether two numbers are the same, units aside.

    Under `percent: strict` a percentage is its hundredth. Tolerance and significant figures hold only where one side
    is written as a decimal.
    """
    left, right = _amount(stated, policy), _amount(wanted, policy)
    if left == right:
        return True
    said, gold = ((number.written or ".") if number.decimal else "" for number in (stated, wanted))
    if said and not gold and policy.significant_figures == "gold":
        gold = wanted.written
    return bool(close(left, right, policy, said=said, gold=gold))


def _amount(number: Number, policy: Policy) -> Fraction:
    value = Fraction(number.value)
    return value / 100 if number.percent and policy.percent == "strict" else value


def compare_numbers(stated: Number, wanted: Number, policy: Policy) -> Judged:
    """Compare two numbers, with units where both have one; a noun (`5 apples`) is no unit."""
    same = same_value(stated, wanted, policy)
    forms = (form_of(wanted), form_of(stated))
    if stated.symbol and wanted.symbol and stated.symbol != wanted.symbol:
        return _with_two_units(stated, wanted, same, forms, policy)
    if same and bool(stated.symbol) != bool(wanted.symbol) and policy.units == "required":
        missing = stated if wanted.symbol else wanted
        if unit_of((wanted if missing is stated else stated).symbol) is not None:
            return decided(False, "quantity", *forms, reason="only one side has a unit")
    if same and not _in_lowest_terms(stated.written) and _in_lowest_terms(wanted.written) and policy.simplified:
        return decided(False, "number", *forms, reason="not in lowest terms")
    return decided(same, "number", *forms)


def _with_two_units(stated: Number, wanted: Number, same: bool, forms: tuple[str, str], policy: Policy) -> Judged:
    left, right = unit_of(stated.symbol), unit_of(wanted.symbol)
    if left is None and right is None:
        if not same or _nouns_agree(stated.unit, wanted.unit):
            return decided(same, "number", *forms)
        return unknown("ambiguous", f"the same number of {stated.unit} and of {wanted.unit}"[:200])
    if left is None or right is None:
        if same and policy.units == "required":
            return decided(False, "quantity", *forms, reason="only one side has a unit")
        named = stated.symbol if left is None else wanted.symbol
        if same and not _explains(named) and not _nouns_agree(stated.unit, wanted.unit):
            return unknown("ambiguous", f"the same number of {stated.unit} and of {wanted.unit}"[:200])
        return decided(same, "number", *forms)
    if same and left.dimension != right.dimension and _same_money(stated.symbol, wanted.symbol):
        return decided(True, "quantity", *forms)
    if left.dimension != right.dimension:
        alike = same and {stated.unit, wanted.unit} & {"degree", "pound"} and _degree_or_pound(left, right)
        return decided(bool(alike), "quantity", *forms, reason="" if alike else "units of different dimension")
    return _converted(stated, wanted, left, right, forms, policy)


def _same_money(one: str, other: str) -> bool:
    """Whether both are the same currency, of which one says for what: `$` and `$ per hour`."""
    return one.partition(" ")[0] == other.partition(" ")[0] and min(one, other, key=len) in CURRENCIES


def _converted(
    stated: Number, wanted: Number, left: Unit, right: Unit, forms: tuple[str, str], policy: Policy
) -> Judged:
    """Compare in the gold's unit."""
    value = (Fraction(stated.value) * left.factor + left.zero - right.zero) / right.factor
    inside = Number(value, decimal=stated.decimal, written=stated.written if left == right else "")
    same = same_value(inside, Number(wanted.value, decimal=wanted.decimal, written=wanted.written), policy)
    if not same and _calendar(left) != _calendar(right) and right.dimension == (("[time]", Fraction(1)),):
        return unknown("ambiguous", "months and years have no fixed number of days")
    return decided(same, "quantity", *forms)


def _calendar(unit: Unit) -> bool:
    return unit.factor % 2_629_800 == 0


def _degree_or_pound(left: Unit, right: Unit) -> bool:
    """Whether one side says `degrees` of a temperature, or `pounds` of money."""
    names = {left.dimension[0][0], right.dimension[0][0]}
    return names in ({"[angle]", "[temperature]"}, {"[mass]", "[pound_sterling]"})


_FILLERS = frozenset(("to", "the", "of", "a", "an", "in", "due", "towards", "toward"))
"""`25 m/s to the north` is `25 m/s north`."""


def _nouns_agree(one: str, other: str) -> bool:
    left, right = (set(words.replace("^2", "").split()) - _FILLERS for words in (one, other))
    return left <= right or right <= left or ("unit" in left and "unit" in right)


_EXPLAINS = re.compile(r"because|since|as|so|which|that|for|by|in total|total|altogether", re.IGNORECASE)


def _explains(words: str) -> bool:
    return _EXPLAINS.match(words) is not None


_TERMS = re.compile(r"(?:\d+ )?(\d{1,400})/(\d{1,400})")


def _in_lowest_terms(written: str) -> bool:
    found = _TERMS.fullmatch(written.replace(",", ""))
    return found is None or (math.gcd(int(found.group(1)), int(found.group(2))) == 1 and int(found.group(2)) != 1)


def form_of(number: Number) -> str:
    """Return the value, its percent sign and its unit, for people to read."""
    value = Fraction(number.value)
    small = value.numerator.bit_length() + value.denominator.bit_length() < FORM_BITS
    shown = str(value) if small else f"{number.written[:40] or 'a large number'}..."
    return " ".join(filter(None, (shown + ("%" if number.percent else ""), number.unit)))[:200]


@dataclass(frozen=True, slots=True)
class Compound:
    """A quantity in several units, `5 ft 3 in`, in base units; `units` are the parts' own."""

    amount: Fraction
    units: tuple[Unit, ...]


_PART = re.compile(
    r"(?:(?<=\d)|\s|,|\band\b|&|-){0,4}?(?P<money>\$\s?)?(?P<number>\d{1,12}(?:\.\d{1,12})?|\d{1,6}/\d{1,6})"
    r"[\s-]?(?P<unit>(?!and\b)[^\W\d_]{1,12}\b|[^\W\d_]{1,3}(?=\d)|''|['\"′″])?\.?"
)
MAX_PRIMED = 40
_PRIMED = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s?('|′|\"|″|'')")
"""Feet or inches: `6'`, `11"`."""
_QUOTES = {"'": "ft", "′": "ft", '"': "in", "″": "in", "''": "in"}


def parse_compound(text: str) -> Compound | None:
    """Return the sum of two to five parts in falling units of one dimension, or None if the text is no such thing."""
    if not 4 <= len(text) <= 160:
        return None
    plain = " ".join(plain_math(text).rpartition("=")[2].split()).strip(" .(){}")
    at, total = 0, Fraction(0)
    units: list[Unit] = []
    while at < len(plain):
        part = _PART.match(plain, at)
        if part is None or len(units) == 5:
            return None
        name = part.group("unit") or ""
        unit = unit_of("$") if part.group("money") and not name else unit_of(_QUOTES.get(name, name))
        if unit is None or (units and (unit.dimension != units[0].dimension or unit.factor >= units[-1].factor)):
            return None
        units.append(unit)
        total += Fraction(part.group("number")) * unit.factor
        at = part.end()
    return Compound(total, tuple(units)) if len(units) > 1 else None


def compare_compound(stated: Compound | Number, wanted: Compound | Number, policy: Policy) -> Judged:
    """Compare two quantities of which at least one has several parts."""
    left, right = _in_base(stated), _in_base(wanted)
    if left is None or right is None:
        return _against_bare(stated, wanted, policy)
    forms = (_compound_form(wanted), _compound_form(stated))
    same = left[1] == right[1] and left[0] == right[0]
    return decided(same, "quantity", *forms)


def _in_base(quantity: Compound | Number) -> tuple[Fraction, object] | None:
    if isinstance(quantity, Compound):
        return quantity.amount, quantity.units[0].dimension
    unit = unit_of(quantity.symbol) if quantity.symbol else None
    return None if unit is None else (Fraction(quantity.value) * unit.factor, unit.dimension)


def _against_bare(stated: Compound | Number, wanted: Compound | Number, policy: Policy) -> Judged:
    """Compare several parts with a number without unit: which of the units it counts is not said."""
    for compound, bare in ((stated, wanted), (wanted, stated)):
        if not isinstance(compound, Compound) or not isinstance(bare, Number) or policy.units == "required":
            continue
        if any(compound.amount == bare.value * unit.factor for unit in compound.units):
            return unknown("ambiguous", "one side does not say which unit it counts")
    return decided(False, "quantity", _compound_form(wanted), _compound_form(stated))


def _compound_form(quantity: Compound | Number) -> str:
    if isinstance(quantity, Number):
        return form_of(quantity)
    return f"{quantity.amount / quantity.units[-1].factor} of the smallest unit"


def parse_quantity(text: str) -> Number | Compound | None:
    """Return the number or compound quantity that all of the text states; raises `TooLargeError`."""
    number = parse_number(text)
    if number is not None:
        return number
    primed = _PRIMED.fullmatch(text.strip()) if len(text) < MAX_PRIMED else None
    return parse_compound(text) if primed is None else parse_number(f"{primed.group(1)} {_QUOTES[primed.group(2)]}")
