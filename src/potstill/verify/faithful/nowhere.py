"""Numbers in the step that gives the answer which come from nowhere."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from potstill.verify.faithful.values import SMALL, Told, one_operation, stands_for

_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_WORDS: dict[str, Fraction] = {
    **{word: Fraction(10 * number) for number, word in enumerate(_TENS, 2)},
    **{word: Fraction(number) for number, word in enumerate(_TEENS, 13)},
    "hundred": Fraction(100), "thousand": Fraction(1000), "million": Fraction(10**6),
}  # fmt: skip
_PARTS = {
    "half": 2,
    "halve": 2,
    "halves": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "eighth": 8,
    "tenth": 10,
}
_WORD = re.compile(r"[a-z]+")
_COMPOUND = re.compile(r"\b(" + "|".join(_TENS) + r")[- ](one|two|three|four|five|six|seven|eight|nine)\b")
_UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PERCENT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s?(?:\\?%|per ?cent\b)")
_SHARE = re.compile(r"(\d{1,6})\s?/\s?(\d{1,6})|\\[dt]?frac\{(\d{1,6})\}\{(\d{1,6})\}")
USUAL = frozenset(map(Fraction, (
    *range(11), 12, 14, 16, 21, 24, 28, 30, 31, 36, 52, 60, 90, 100, 180, 270, 360, 365, 366, 1000, 1440, 2000, 3600,
))) | frozenset(map(Fraction, (
    "1/2", "1/3", "2/3", "1/4", "3/4", "1/10", "1/100", "1/1000", "3/2", "3.14", "2.54", "9.8", "9.81",
)))  # fmt: skip
"""Numbers that anybody may bring along: small ones, and those of clocks, calendars, angles, shares and units."""


def nowhere(told: Told) -> int | None:
    """Return how many numbers the answer's step begins with that come from nowhere; None without such a step.

    The answer's step is the last one that goes forward and computes. What stands in the question (in digits, in words,
    or as a share or percentage that may be taken away or added) or before comes from somewhere, and so does what one
    operation makes of it, which many do in their head.
    """
    place = next((n for n in range(len(told.steps) - 1, -1, -1)
                  if told.steps[n].results and not told.steps[n].looks_back), None)  # fmt: skip
    if place is None:
        return None
    step = told.steps[place]
    stated = set(told.given)
    for before in told.steps[:place]:
        stated |= before.numbers
    known = stated | USUAL | {abs(result) for result in step.results}
    foreign = {abs(number) for number in step.begins} - known
    if foreign:
        foreign -= _said(told.question)
        foreign -= {number for before in (told.question, *(step.text for step in told.steps[: place + 1]))
                    for number in _shares(before)}  # fmt: skip
    foreign = {number for number in foreign if not any(stands_for(value, number) for value in known)}
    reached = {math.factorial(number) for number in range(13) if number in known} | {2**power for power in range(4, 21)}
    return sum(number not in reached and not one_operation(stated - USUAL | told.given, stated | SMALL, number)
               for number in foreign)  # fmt: skip


def _said(question: str) -> set[Fraction]:
    """Return the numbers that are written as words."""
    text = question.casefold()
    found = {_WORDS[word] for word in _WORD.findall(text) if word in _WORDS}
    return found | {_WORDS[tens] + 1 + _UNITS.index(units) for tens, units in _COMPOUND.findall(text)}


def _shares(text: str) -> set[Fraction]:
    """Return what the percentages and shares of a text may be reckoned with: 0.2, 0.8, 1.2, 80 and 120 of 20%."""
    shares = {Fraction(digits) / 100 for digits in _PERCENT.findall(text)}
    shares |= {Fraction(1, _PARTS[name]) for word in _WORD.findall(text.casefold())
               if (name := word.removesuffix("s") if word not in _PARTS else word) in _PARTS}  # fmt: skip
    for over, under, above, below in _SHARE.findall(text):
        if int(under or below):
            shares.add(Fraction(int(over or above), int(under or below)))
    every = {value for share in shares for value in (share, abs(1 - share), 1 + share)}
    return every | {100 * value for value in every}
