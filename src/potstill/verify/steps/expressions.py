"""Arithmetic of plain numbers: expressions, and their exact values under several readings.

The size of every value, of powers and of factorials is bounded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from fractions import Fraction

from potstill.verify.steps.units import UNITS

MAX_BITS = 4_096
MAX_EXPONENT = 512
MAX_FACTORIAL = 60


class UnreadableError(ValueError):
    """An expression without a value: a division by zero, an irrational root, or a value beyond its bound."""


@dataclass(frozen=True, slots=True)
class Number:
    """A written number: `unit` is the first known unit in the words after it, or `$`."""

    value: Fraction
    decimals: int
    unit: str


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms with their signs, 1 or -1."""

    terms: tuple[tuple[int, Node], ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Factors with their powers, 1 or -1, and whether the sign before each stands without spaces, as in `3/4`."""

    factors: tuple[tuple[int, bool, Node], ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """`-`, `%`, `!` or `root` applied to a part, `mixed` and `^` to two."""

    sign: str
    parts: tuple[Node, ...]


Node = Number | Sum | Product | Applied


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to take what is written: `percent` as hundredths, as plain numbers or as a share of what stands before.

    `dimension` scales each number with a unit of that dimension to the smallest unit; `mixed` reads `2 1/2` as a sum,
    else as a product; `tight` reads `60 / 3/4` as `60 / (3/4)`; `shout` reads `5!` as 5; `rounded` puts exact values
    for numbers that were rounded before, and 4/3 for 1.333.
    """

    percent: str = "hundredths"
    dimension: str = ""
    mixed: bool = True
    tight: bool = False
    shout: bool = False
    rounded: bool = False


def readings(features: Set[str]) -> Iterator[Reading]:
    """Return the ways to take expressions with such features, the plainest first."""
    percents = ("hundredths", "plain", "share") if "percent" in features else ("hundredths",)
    mixed = (True, False) if "mixed" in features else (True,)
    tight = (False, True) if "tight" in features else (False,)
    shouts = (False, True) if "shout" in features else (False,)
    for percent, is_mixed, is_tight, shout in itertools.product(percents, mixed, tight, shouts):
        yield Reading(percent, "", is_mixed, is_tight, shout)


def value(node: Node, reading: Reading, exact: Mapping[Fraction, Fraction]) -> Fraction:
    """Return the exact value of an expression; `exact` maps rounded numbers to the values that they stand for.

    Raises `UnreadableError` where there is none within the bounds.
    """
    if isinstance(node, Number):
        return _number(node, reading, exact)
    if isinstance(node, Sum):
        total = Fraction(0)
        for sign, term in node.terms:
            share = reading.percent == "share" and isinstance(term, Applied) and term.sign == "%"
            part = value(term, reading, exact)
            total = _bounded(total + sign * (part * total if share else part))
        return total
    if isinstance(node, Product):
        return _product(node, reading, exact)
    return _applied(node, [value(part, reading, exact) for part in node.parts], reading)


def _number(node: Number, reading: Reading, exact: Mapping[Fraction, Fraction]) -> Fraction:
    written = exact.get(node.value) or _repeating(node) if reading.rounded else node.value
    if reading.dimension and node.unit:
        return written * UNITS[node.unit].get(reading.dimension, Fraction(1))
    return written


def _repeating(node: Number) -> Fraction:
    """Return the third, sixth, seventh, ninth or eleventh that a decimal is the rounded form of: 4/3 for 1.333."""
    if node.decimals >= 2:
        for below in (3, 6, 7, 9, 11):
            near = Fraction(round(node.value * below), below)
            if near.denominator != 1 and abs(near - node.value) * 10**node.decimals < 1:
                return near
    return node.value


def _product(node: Product, reading: Reading, exact: Mapping[Fraction, Fraction]) -> Fraction:
    """Multiply from left to right; in the tight reading each run of signs without spaces comes first."""
    product, run, side = Fraction(1), Fraction(1), 1
    for power, tight, factor in node.factors:
        part = value(factor, reading, exact)
        if power < 0 and not part:
            raise UnreadableError("a division by zero")
        if tight and reading.tight:
            run = _bounded(run * part if power > 0 else run / part)
            continue
        product = _times(product, run, side)
        run, side = part, power
    return _times(product, run, side)


def _times(product: Fraction, part: Fraction, power: int) -> Fraction:
    if power < 0 and not part:
        raise UnreadableError("a division by zero")
    return _bounded(product * part if power > 0 else product / part)


def _applied(node: Applied, parts: list[Fraction], reading: Reading) -> Fraction:
    first = parts[0]
    if node.sign == "-":
        return -first
    if node.sign == "%":
        return first if reading.percent == "plain" else first / 100
    if node.sign == "mixed":
        return first + parts[1] if reading.mixed else _bounded(first * parts[1])
    if node.sign == "root":
        return _root(first)
    if node.sign == "^":
        return _power(first, parts[1])
    if reading.shout:
        return first
    if first.denominator != 1 or not 0 <= first <= MAX_FACTORIAL:
        raise UnreadableError("a factorial beyond its bound")
    return Fraction(math.factorial(int(first)))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent == Fraction(1, 2):
        return _root(base)
    if exponent.denominator != 1 or abs(exponent) > MAX_EXPONENT:
        raise UnreadableError("a power beyond its bound")
    if not base:
        if exponent <= 0:
            raise UnreadableError("a power of zero")
        return base
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if size * abs(exponent) > MAX_BITS:
        raise UnreadableError("a power beyond its bound")
    return base ** int(exponent)


def _root(inside: Fraction) -> Fraction:
    if inside < 0:
        raise UnreadableError("the root of a negative number")
    root = Fraction(math.isqrt(inside.numerator), math.isqrt(inside.denominator))
    if root * root != inside:
        raise UnreadableError("an irrational root")
    return root


def _bounded(number: Fraction) -> Fraction:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > MAX_BITS:
        raise UnreadableError("a value beyond its bound")
    return number
