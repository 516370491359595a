"""Golds that say themselves how near is near enough: `12 ± 0.5 mm`, `230 V +- 10 %`, `10-12 bar`.

Without a unit `2 ± 3` is two roots and `10-12` a difference, so a gold is only read so where a unit or a percentage
shows that something was measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from potstill.recipe import Policy
from potstill.verify.judged import Judged, decided
from potstill.verify.numbers import Number, parse_number
from potstill.verify.quantities import Compound, form_of, parse_quantity
from potstill.verify.units import Unit, unit_of

_PLUS_MINUS = re.compile(
    r"\s{0,4}(?P<middle>[^±]{1,60}?)\s{0,4}(?:±|\+\s?/?\s?-|\\pm(?![a-z]))\s{0,4}(?P<half>[^±]{1,60})"
)
"""`12 ± 0.5 mm`, `12 mm +/- 0.5 mm`, `230 V \\pm 10 %`."""
_BETWEEN = re.compile(r"\s{0,4}(?P<low>\d[\d.,]{0,20})\s{0,4}(?:-|–|—|to|bis)\s{0,4}(?P<high>\d[^-–—]{0,60})")
"""`10-12 bar`, `10 to 12 bar`."""
_GROUPED = re.compile(r"\s{0,4}\((?P<inner>[^()]{1,100})\)\s{0,4}(?P<unit>[^()]{0,40})")
"""`(12 ± 0.5) mm`."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The values that a gold allows, both ends included, in the unit `symbol`."""

    low: Fraction
    high: Fraction
    symbol: str

    @property
    def unit(self) -> Unit | None:
        """Its unit, where it has a known one."""
        return unit_of(self.symbol) if self.symbol else None


def allowed_by(gold: str) -> Allowed | None:
    """Return what a gold allows that says so, None for every other."""
    if (grouped := _GROUPED.fullmatch(gold)) is not None:
        gold = f"{grouped['inner']} {grouped['unit']}"
    if (found := _PLUS_MINUS.fullmatch(gold)) is not None:
        return _around(parse_number(found["middle"]), parse_number(found["half"]))
    if (found := _BETWEEN.fullmatch(gold)) is not None:
        return _between(parse_number(found["low"]), parse_number(found["high"]))
    return None


def within(said: str, allowed: Allowed, policy: Policy) -> Judged | None:
    """Compare an answer with what its gold allows; None where it is not one number, or of another dimension."""
    stated = parse_quantity(said)
    if stated is None or isinstance(stated, Compound) or stated.percent:
        return None
    value, unit = Fraction(stated.value), allowed.unit
    if stated.symbol and unit is not None:
        own = unit_of(stated.symbol)
        if own is None or own.dimension != unit.dimension:
            return None
        value = (value * own.factor + own.zero - unit.zero) / unit.factor
    elif bool(stated.symbol) != bool(allowed.symbol) and policy.units == "required":
        return None
    form = f"{_shown(allowed.low)} to {_shown(allowed.high)} {allowed.symbol}".strip()
    return decided(allowed.low <= value <= allowed.high, "tolerance of the gold", form, form_of(stated))


def _around(middle: Number | None, half: Number | None) -> Allowed | None:
    if middle is None or half is None or half.value < 0:
        return None
    symbol = middle.symbol or half.symbol
    if half.percent and not middle.percent:
        width = abs(Fraction(middle.value)) * Fraction(half.value) / 100
    elif symbol and unit_of(symbol) is not None and half.symbol in ("", symbol):
        width = Fraction(half.value)
    else:
        return None
    return Allowed(Fraction(middle.value) - width, Fraction(middle.value) + width, symbol)


def _between(low: Number | None, high: Number | None) -> Allowed | None:
    if low is None or high is None or not low.value < high.value:
        return None
    if not high.symbol or unit_of(high.symbol) is None:
        return None
    return Allowed(Fraction(low.value), Fraction(high.value), high.symbol)


def _shown(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.10g}"
