"""When two numbers that differ count as the same: the one place where the policy on decimals is applied. Pure.

Every road to a verdict asks here (plain numbers, quantities, formulas, and so the items of lists, tuples and matrices),
so that `100/3`, `\\frac{10^2}{3}` and the first part of `(100/3, 1)` are judged alike.
"""

from __future__ import annotations

import math
from fractions import Fraction

from potstill.recipe import Policy

EXACT_FIGURES = 12
"""Significant figures from which a decimal stands for the exact value that it rounds or cuts off."""
FLOAT_FIGURES = 15
"""Significant figures from which two decimals may differ by the rounding of a float."""
_CHUNK = 4_000


def close(stated: Fraction, wanted: Fraction, policy: Policy, *, said: str, gold: str) -> str:
    """Return why two unequal numbers count as the same, or an empty text.

    `said` and `gold` are how they are written where they are decimals (`3.14`, `6.02e23`), and empty where they are
    exact: tolerance and figures hold only where one side is a decimal.
    """
    if not said and not gold:
        return ""
    gap = abs(stated - wanted)
    if policy.tolerance and gap <= Fraction(policy.tolerance) * abs(wanted):
        return "within tolerance"
    kept = figures_of(gold) if policy.significant_figures == "gold" else policy.significant_figures
    if kept and _rounds_alike(stated, wanted, kept):
        return "significant figures"
    if said and gold:
        longest = max(figures_of(said), figures_of(gold))
        alike = longest >= FLOAT_FIGURES and gap <= Fraction(1, 10**14) * max(abs(stated), abs(wanted))
    else:
        value, written = (stated, said) if said else (wanted, gold)
        alike = figures_of(written) >= EXACT_FIGURES and gap < _last_place(value, written)
    return "full precision" if alike else ""


def integer(digits: str) -> int:
    """Return a decimal integer of any length; Python's own limit of 4,300 digits is met in parts."""
    if len(digits) <= _CHUNK:
        return int(digits)
    value = 0
    for start in range(0, len(digits), _CHUNK):
        part = digits[start : start + _CHUNK]
        value = value * 10 ** len(part) + int(part)
    return value


def _digits(written: str) -> str:
    mantissa = written.lower().partition("e")[0]
    return "".join(c for c in mantissa if c.isdigit()).lstrip("0")


def figures_of(written: str) -> int:
    """Return how many significant figures a number is written with; 0 for a fraction."""
    return len(_digits(written)) if "/" not in written else 0


def _last_place(value: Fraction, written: str) -> Fraction:
    """Return what one unit of the last written digit is worth."""
    digits = _digits(written)
    return abs(value) / integer(digits) if digits else Fraction(0)


def _rounds_alike(stated: Fraction, wanted: Fraction, kept: int) -> bool:
    """Whether two numbers round to the same so many significant figures, or are within half a unit of the last."""
    if not wanted or not stated:
        return wanted == stated
    place = Fraction(10) ** (_magnitude(wanted) - kept + 1)
    return math.floor(stated / place + Fraction(1, 2)) == math.floor(wanted / place + Fraction(1, 2)) or (
        abs(stated - wanted) <= place / 2
    )


def _magnitude(value: Fraction) -> int:
    """Return the power of ten of the leading digit."""
    value = abs(value)
    guess = math.floor((value.numerator.bit_length() - value.denominator.bit_length() + 1) * math.log10(2)) + 1
    while value < Fraction(10) ** guess:
        guess -= 1
    return guess
