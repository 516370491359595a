"""One equation judged: equal under some way to read it, surely false, or not to be decided here.

The readings are many on purpose (percent as hundredths or plainly, dollars or cents, a rounded result), since a writer
who computed rightly must never be called wrong for a manner of writing.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from potstill.verify.steps.expressions import Node, Number, Product, Reading, Sum, UnreadableError, readings, value
from potstill.verify.steps.statements import Equation, Side
from potstill.verify.steps.units import UNITS

Outcome = Literal["right", "wrong", "unknown"]
_EXACT = frozenset(("money", "length", "mass", "volume"))
"""Dimensions whose units convert in one way only; a month has 28 to 31 days, a day 24 hours or 8."""
Rounded = dict[Fraction, Fraction]
"""Rounded numbers that were stated so far -> what they stand for."""


@dataclass(frozen=True, slots=True)
class StepChecked:
    """What the calculator says of one step.

    `stated` is the equation that decided (the first false one, else the last one read), `recomputed` the value of its
    left side; both are empty where nothing was read.
    """

    outcome: Outcome
    stated: str = ""
    recomputed: str = ""
    reason: str = ""


FLOATING = 10
"""Decimals from which a number was written by a program, in binary: 0.09999999999999998 is 0.1."""
SHOWN = 200
"""Characters of an expression or a value that a report shows."""
_DISOWNED = re.compile(
    r"\b(?:not|isn't|doesn't|incorrect\w{0,2}|wrong\w{0,2}|mistake\w{0,3}|errors?|suppose|assum\w{1,5}|pretend|instead"
    r"|cannot|can't|mod|modulo)\b|\\[bp]?mod",
    re.IGNORECASE,
)
_OTHERWISE = (
    (re.compile(r"\d\s?(?:[ap]\.?m\b|o'clock)", re.IGNORECASE), "times of day"),
    (
        re.compile(
            r"\b(?:binary|octal|hexadecimal|\d+-hour clock"
            r"|base[ -]{1,4}(?:\d+|[a-z]|two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen))\b",
            re.IGNORECASE,
        ),
        "another base or a clock",
    ),
    (re.compile(r"[✗✘❌]|\d\s?\?|\bno,", re.IGNORECASE), "the text may not stand by it"),
)
"""What makes of an equation another statement than one about numbers."""
_QUANTITY, _WORDED = "a quantity, not a computation", "words before a computation"
OF_LEFT = frozenset((_QUANTITY, _WORDED))
"""Doubts that are of the left side alone: what the right side is set equal to further on is stated all the same."""
_CURRENCY = re.compile(r"[$£€¥₹]")
_BELOW = re.compile(
    r"\b(?:below|under|short|in debt|loss|behind|negative|minus|owes?|deficit|ago|earlier|before|fewer|less)\b",
    re.IGNORECASE,
)
"""`45 - 52 is 7 years ago`"""
_LOOSELY = re.compile(
    r"\b(?:about|approx\w{0,9}|round\w{0,5}|nearly|almost|roughly|around|floor|ceil\w{0,3}|remainder|whole|at least"
    r"|at most|integers?|nearest|left ?over|with \w{1,9} (?:left|remaining|to spare))\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"[A-Za-z$%¢°€£]")
"""What makes a number more than a number: a unit, a word, a currency, a percent sign."""
_INVERSE = re.compile(r"\\p?mod\b|\bmod(?:ulo|ular)?\b|\binverse", re.IGNORECASE)
_GROUPING = re.compile(r"(?<![\d.])[1-9]\d{0,2}\.\d{3}(?!\d)")
_WORD = re.compile(r"(?<![\\A-Za-z'’])[A-Za-z]+")
"""A word, but not the end of another: `Anna's` is no second."""
_TERM = re.compile(r"[-+]")
"""What stands between the terms of a sum: `4 packs + 3 cards`."""
_LABEL = re.compile(r"\([A-Za-z ]{1,40}\)")
"""`700 (printer)`"""
_UNKNOWN = re.compile(r"\d ?[A-Z][a-z]+")
"""`3 Red + 10`: a word with a capital, as a name that was given to an unknown."""
_RANGE = re.compile(r"(\d{1,4})-(\d{1,4})")
"""`days 4-7 = 240`; what goes down, as `left 40-16 = 24`, is a difference."""
_RATE = re.compile(r"\b(?:an?|per|each|every|that|this|the|one)\s+[A-Za-z]+", re.IGNORECASE)
"""`3 hours a day`: the second unit is no other way to count."""
_SCALE = re.compile(r"\b(?:hundred|thousand|million|billion|dozen)", re.IGNORECASE)
_SCALES = (Fraction(100), Fraction(1000), Fraction(10**6), Fraction(10**9), Fraction(12))


def judge(equation: Equation, rounded: Rounded) -> StepChecked:
    """Judge an equation whose sides are both readable; a rounding that it states is added to `rounded`."""
    left, right = equation.left, equation.right
    stated = f"{_clipped(left.text)} {'≈' if equation.sign == '~' else '='} {_clipped(right.text)}"
    recomputed = ""
    try:
        lefts, rights = _values(left, rounded), _values(right, rounded)
        recomputed = _clipped(shown(lefts[0]))
        reason = _agreement(equation, lefts, rights, rounded)
        if reason:
            return StepChecked("right", stated, recomputed, reason)
        doubt = _doubt_of_reading(equation, lefts[0], rights[0]) or _doubt_of_value(equation, lefts[0], rights[0])
    except UnreadableError as error:
        doubt = str(error)
    if doubt:
        return StepChecked("unknown", stated, recomputed, doubt)
    return StepChecked(
        "wrong", stated, recomputed, f"{_clipped(left.text)} is {recomputed}, not {_clipped(right.text)}"
    )


def _clipped(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _values(side: Side, rounded: Rounded) -> list[Fraction]:
    """Return the values of a side under its readings, the plainest first."""
    values: list[Fraction] = []
    for reading in readings(side.features):
        for node in side.nodes:
            values.append(value(node, reading, rounded))
            if rounded or "decimals" in side.features:
                values.append(value(node, replace(reading, rounded=True), rounded))
    return values


def _agreement(equation: Equation, lefts: Sequence[Fraction], rights: Sequence[Fraction], rounded: Rounded) -> str:
    """Return in what sense the sides agree, or an empty text."""
    if not set(lefts).isdisjoint(rights):
        return "equal"
    left, right = equation.left, equation.right
    loose = equation.sign == "~" or _LOOSELY.search(equation.context) is not None
    for first, second in itertools.product(lefts, rights):
        for exact, stated, side in ((first, second, right), (second, first, left)):
            literal = side.literal
            if literal is not None and _rounds(exact, stated, literal, loose, equation.sign == "~"):
                rounded[literal.value] = exact * (literal.value / stated if stated else 1)
                return "rounded"
    for dimension in sorted(_dimensions(left.units | right.units)):
        reading = Reading(dimension=dimension)
        with contextlib.suppress(UnreadableError):  # `$5!` in cents has no value within the bounds
            if value(left.nodes[0], reading, rounded) == value(right.nodes[0], reading, rounded):
                return f"equal in units of {dimension}"
    return ""


def _rounds(exact: Fraction, stated: Fraction, literal: Number, loose: bool, about: bool) -> bool:
    """Return whether a written number is a value rounded, or from two decimals on cut off."""
    last = Fraction(1, 10**literal.decimals) * (abs(stated / literal.value) if literal.value else 1)
    difference = abs(exact - stated)
    if literal.decimals >= FLOATING:
        return difference * 10**9 <= abs(exact)
    if literal.decimals:
        cut = literal.decimals >= 2 and abs(stated) < abs(exact)
        return difference < last if cut else difference <= last / 2
    if about:
        digits = str(literal.value)
        zeros = len(digits) - len(digits.rstrip("0"))
        return difference <= max(last * Fraction(10) ** zeros / 2, abs(exact) / 100)
    return loose and difference < last


def _doubt_of_reading(equation: Equation, exact: Fraction, stated: Fraction) -> str:
    """Return why the sides may not be what the writer set equal, or an empty text."""
    left, right = equation.left, equation.right
    if left.doubtful or right.doubtful:
        return "the reading is not sure"
    if _DISOWNED.search(equation.sentence):
        return "the text may not stand by it"
    for mark, doubt in _OTHERWISE:
        if mark.search(equation.context):
            return doubt
    if len(set(_CURRENCY.findall(equation.context))) > 1:
        return "two currencies"
    shared = _dimensions(left.units) & _dimensions(right.units)
    bare = not left.operators and not right.operators
    if bare and _things(left) != _things(right) and not _misconverts(left, right):
        return "no operation is stated"
    divided = left.features == {"fraction"} and right.literal is not None and not (_things(left) or _things(right))
    if bare and not equation.joined and not divided and not (shared and not left.worded):
        return "no operation is stated"
    if not left.operators and right.operators and (left.worded or _NAMED.search(left.text)):
        return _QUANTITY
    if left.worded and not left.said and right.literal is None and not equation.named:
        return _WORDED
    if (
        _is_share(left, equation.sign)
        and right.literal is not None
        and not right.text.endswith("%")
        and abs(stated) >= 1
    ):
        return "a share of something, not a number"
    if left.last is not None and value(left.last, Reading(), {}) == stated and _NAMED.search(left.text):
        return "the last term alone"
    if _is_running(left, right, exact) or left.text.lower().endswith(" more"):
        return "a running total"
    if right.compared and not (isinstance(left.nodes[0], Sum) and any(sign < 0 for sign, _ in left.nodes[0].terms)):
        return "so much more than something"  # but `12 - 8 = 4 more than` says the difference
    if left.worded and not left.said and left.text.startswith("(") and left.text.endswith(")"):
        return "an aside in brackets"
    if _is_last_bracket(left, stated):
        return "the last bracket alone"
    if _adds_unlike(left, right):
        return "unlike things are added"
    if left.last is not None and _UNKNOWN.search(left.text) and not _called(right) and right.literal is not None:
        return "a name may stand for a number"
    if left.worded and (span := _RANGE.fullmatch(left.text)) and int(span[1]) < int(span[2]):
        return "a range"
    if equation.sign == "is" and right.literal is None:
        return "not stated as an equation"
    return ""


def _doubt_of_value(equation: Equation, exact: Fraction, stated: Fraction) -> str:
    """Return why the values may differ although the writer computed rightly, or an empty text."""
    left, right = equation.left, equation.right
    if _SCALE.search(equation.context) and any(stated == exact * scale or exact == stated * scale for scale in _SCALES):
        return "a scale in words"
    lone = left.last is not None and not left.units and _NAMED.search(left.text) is not None
    if (_is_mixed(left.units | right.units) and not _misconverts(left, right)) or (lone and right.units):
        return "units differ"
    between = {word for word in _WORD.findall(_RATE.sub(" ", equation.context)) if word in UNITS}
    named_units = frozenset(between) | right.units
    counted = right.units and not left.units and left.operators and _is_mixed(named_units)
    if counted and _converts(left.nodes[0], exact, stated, named_units):
        return "units differ"
    named = _things(left) and _things(right) and _things(left) != _things(right)
    if named and _is_power_of_ten(exact, stated) and not _misconverts(left, right):
        return "perhaps another unit"
    if "^" in left.text and _INVERSE.search(equation.context):
        return "perhaps an inverse or a rest"
    if (_GROUPING.search(left.text) or _GROUPING.search(right.text)) and (
        exact in (stated * 1000, stated * 10**6) or stated in (exact * 1000, exact * 10**6)
    ):
        return "perhaps points that group digits"
    letters = {unit for unit in left.units | right.units if len(unit) == 1 and unit.isalpha()}
    if letters and not (left.units and right.units):
        return "a letter may stand for a number"
    if exact == -stated and _BELOW.search(equation.context):
        return "a sign in words"
    difference = abs(exact - stated)
    if equation.sign == "~" and 20 * difference <= max(abs(exact), abs(stated)):
        return "nearly so"
    if not left.operators and not left.units and 100 * exact == stated:
        return "perhaps hundredths"
    if right.literal is not None and not right.literal.decimals and not _is_finite(exact) and difference < 1:
        return "rounded to a whole number without saying so"
    return ""


def _is_running(left: Side, right: Side, exact: Fraction) -> bool:
    """Return whether the right side only starts with the result: `2 * 3 = 6 + 4 = 10`, or `= 6 boxes * 4`."""
    if right.leading is None or not right.operators or right.text.startswith("("):
        return False
    goes_on = right.operators >= left.operators or _NAMED.search(left.text + right.text) is not None
    return goes_on and exact in _begun(right)


def _begun(side: Side) -> Iterator[Fraction]:
    """Yield the values that a side has on its way: 1 and 1/3 of `1/3 of 3000`."""
    assert side.leading is not None  # noqa: S101 - asked before
    yield value(side.leading, Reading(), {})
    node = side.nodes[0]
    if isinstance(node, Product):
        yield from (value(Product(node.factors[:many]), Reading(), {}) for many in range(2, len(node.factors)))


def _adds_unlike(left: Side, right: Side) -> bool:
    """Return whether unlike things are added and the result is called one of them: `4 packs + 3 cards = 43 cards`.

    Things that have a name in common add up under it: `4 red cards + 3 blue cards = 7 cards`.
    """
    if left.last is None or left.units:
        return False
    terms = _TERM.split(left.text)
    labelled = [_LABEL.search(term) is not None for term in terms]
    if any(labelled) and any(not has and _WORD.search(term) for has, term in zip(labelled, terms, strict=True)):
        return True  # `700 (printer) + 2 monitors`: a price and a count
    if not (called := _called(right)):
        return _WORD.search(terms[-1]) is not None and any(
            not _WORD.search(term) for term in terms
        )  # `1,800 + 2 lamps`
    named = [words[-1].lower().rstrip("s") for term in terms if (words := _WORD.findall(term))]
    return len(set(named)) > 1 and called in named


def _called(side: Side) -> str:
    """Return what a number counts, without the ending of the plural, or an empty text: `43 cards`."""
    words = _WORD.findall(f"{side.text} {side.noun}")
    return words[0].lower().rstrip("s") if words else ""


def _is_last_bracket(left: Side, stated: Fraction) -> bool:
    """Return whether the right side is the bracket at the end of a product: `6 multiplied by (20 - 12) = 8`."""
    node = left.nodes[0]
    last = node.factors[-1][2] if isinstance(node, Product) else None
    return isinstance(last, Sum) and value(last, Reading(), {}) == stated


def _is_share(side: Side, sign: str) -> bool:
    """Return whether a side is a bare `60%` or `if 3/4`, which may be said of anything: `if 3/4 = 9 books`."""
    if not side.operators:
        return side.text.endswith("%")
    node = side.nodes[0]
    parts = [part.value for _, _, part in node.factors if isinstance(part, Number)] if isinstance(node, Product) else []
    bare = len(parts) == 2 and side.operators == 1 and "/" in side.text and 0 < parts[0] <= parts[1] and not side.units
    return bare and (side.worded or sign == "is")


def _dimensions(units: frozenset[str]) -> set[str]:
    return {dimension for unit in units for dimension in UNITS[unit]}


def _is_mixed(units: frozenset[str]) -> bool:
    """Return whether two different units of one dimension are named."""
    return any(
        len({UNITS[unit][dimension] for unit in units if dimension in UNITS[unit]}) > 1
        for dimension in _dimensions(units)
    )


def _things(side: Side) -> set[str]:
    """Return the words of a side and right after it, without endings of the plural."""
    return {word.lower().rstrip("s") for word in _WORD.findall(f"{side.text} {side.noun}")}


def _is_power_of_ten(one: Fraction, two: Fraction) -> bool:
    """Return whether two values may be one in two units: no unit turns the sign around."""
    if one * two <= 0:
        return False
    ratio = one / two
    digits = str(ratio.numerator * ratio.denominator)
    return 1 in (ratio.numerator, ratio.denominator) and digits == "1" + "0" * (len(digits) - 1)


def _misconverts(left: Side, right: Side) -> bool:
    """Return whether one quantity is set equal to one in another unit that is off by more than a twentieth."""
    if left.operators or right.operators or len(_things(left)) != 1 or len(_things(right)) != 1:
        return False
    shared = _dimensions(left.units) & _dimensions(right.units) & _EXACT
    values = [[value(side.nodes[0], Reading(dimension=name), {}) for side in (left, right)] for name in sorted(shared)]
    return bool(values) and all(20 * abs(one - two) > max(abs(one), abs(two)) for one, two in values)


def _converts(node: Node, exact: Fraction, stated: Fraction, units: frozenset[str]) -> bool:
    """Return whether the values agree once the whole or a term is put in another of these units: 40, 2,400 minutes."""
    ratios = {
        UNITS[one][dimension] / UNITS[two][dimension]
        for one in units for two in units for dimension in UNITS[one].keys() & UNITS[two].keys()
    }  # fmt: skip
    parts = [
        exact,
        *(sign * value(term, Reading(), {}) for sign, term in (node.terms if isinstance(node, Sum) else ())),
    ]
    return any(exact + part * (ratio - 1) == stated for part in parts for ratio in ratios if part)


def _is_finite(number: Fraction) -> bool:
    """Return whether a value has finitely many decimals."""
    below = number.denominator
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    return below == 1


def shown(number: Fraction) -> str:
    """Return a value as a whole number, as a decimal where it has at most 6 decimals, else as a fraction."""
    if number.denominator == 1:
        return str(number.numerator)
    scaled = number * 10**6
    if scaled.denominator == 1:
        sign, digits = "-" if number < 0 else "", str(abs(scaled.numerator)).rjust(7, "0")
        return f"{sign}{digits[:-6]}.{digits[-6:].rstrip('0')}"
    return f"{number.numerator}/{number.denominator}"
