"""Typed exact comparison of a prediction with a gold answer, and the three-way verdict. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from potstill.records import Cause, Outcome
from potstill.verify.extract import extract
from potstill.verify.normalise import plain_words, spelling
from potstill.verify.numbers import Number, TooLargeError, parse_number
from potstill.verify.readings import Extraction, read_choice

MAX_RESPONSE = 8_000_000
"""Characters of a response; a longer one is refused before it is read."""

MAX_TEXT = 20_000
"""Characters of a text answer that are compared."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found and decided for one answer; `extracted` is the final answer as compared."""

    outcome: Outcome
    cause: Cause = ""
    method: str = ""
    score: float | None = None
    extracted: str | None = None
    reason: str = ""


def unknown(cause: Cause, reason: str, method: str = "", extracted: str | None = None) -> Judged:
    """Return an undecided judgement with its cause."""
    return Judged("unknown", cause, method, None, extracted, reason)


def judge_response(
    response: str,
    gold: str,
    kind: str,
    choices: tuple[str, ...] = (),
    *,
    tolerance: float = 0.0,
    percent: Literal["strict", "ignore"] = "ignore",
) -> Judged:
    """Extract the final answer from a response without its thinking and compare it with the gold answer."""
    if len(response) > MAX_RESPONSE:
        return unknown("unsupported", "response too long")
    if not gold.strip():
        return unknown("no gold", "the problem has no gold answer")
    found = extract(response, kind, choices)
    if found.ambiguous:
        return unknown("ambiguous", "two different final answers", found.method, found.value)
    if found.value is None:
        return _nothing_found(found, gold)
    if kind == "choice":
        return _judge_choice(found, gold, choices)
    if kind == "text":
        return _judge_text(found, gold)
    return _judge_number(found, gold, tolerance, percent)


def _nothing_found(found: Extraction, gold: str) -> Judged:
    if any(spelling(other) == spelling(gold) for other in found.others):
        return Judged("right", method=f"{found.method}, same spelling", score=1.0, extracted=found.others[0])
    return unknown("unparsable prediction", "no final answer found", found.method)


@lru_cache(maxsize=65_536)
def _gold_number(gold: str) -> Number | None:
    if "boxed" in gold:
        gold = extract(gold, "number").value or gold
    return parse_number(gold)


def _judge_number(found: Extraction, gold: str, tolerance: float, percent: str) -> Judged:
    value = found.value or ""
    try:
        wanted = _gold_number(gold)
        stated = parse_number(value)
    except TooLargeError:
        return _by_spelling(found, gold, "number too large to compare")
    if wanted is None or stated is None:
        return _by_spelling(found, gold, "not a plain number")
    same = same_number(stated, wanted, tolerance, percent)
    if same is None:
        return unknown("unsupported", f"different units: {stated.unit} and {wanted.unit}", found.method, value)
    if same:
        return Judged("right", method=found.method, score=1.0, extracted=value)
    if any(_equals(other, wanted, tolerance, percent) for other in found.others):
        return unknown("ambiguous", "another number of the same sentence is the gold answer", found.method, value)
    return Judged("wrong", method=found.method, score=0.0, extracted=value)


def _equals(text: str, wanted: Number, tolerance: float, percent: str) -> bool:
    try:
        number = parse_number(text)
    except TooLargeError:
        return False
    return number is not None and same_number(number, wanted, tolerance, percent) is True


def same_number(stated: Number, wanted: Number, tolerance: float, percent: str) -> bool | None:
    """Whether two numbers are the same; None where both carry units that differ.

    A unit on one side only is dropped. Under `percent="strict"` a percentage is its hundredth, under `ignore` the sign
    is dropped on both sides. `tolerance` is relative to the gold and holds only where one side is a decimal.
    """
    if stated.unit and wanted.unit and stated.unit != wanted.unit and stated.percent == wanted.percent:
        return None
    left, right = Fraction(stated.value), Fraction(wanted.value)
    if percent == "strict":
        left, right = (left / 100 if stated.percent else left), (right / 100 if wanted.percent else right)
    if left == right:
        return True
    if tolerance and (stated.decimal or wanted.decimal):
        return abs(left - right) <= Fraction(tolerance) * abs(right)
    return False


def _by_spelling(found: Extraction, gold: str, why: str) -> Judged:
    value = found.value or ""
    if spelling(value) == spelling(gold):
        return Judged("right", method=f"{found.method}, same spelling", score=1.0, extracted=value)
    if not any(c.isdigit() for c in gold) and "\\" not in gold and len(plain_words(gold)) > 2:
        return unknown("unparsable gold", f"the gold answer is {why}", found.method, value)
    return unknown("unsupported", why, found.method, value)


def _judge_choice(found: Extraction, gold: str, choices: tuple[str, ...]) -> Judged:
    wanted = gold_letter(gold, choices)
    if wanted is None:
        return unknown("unparsable gold", "the gold answer names no choice", found.method, found.value)
    if found.value == wanted:
        return Judged("right", method=found.method, score=1.0, extracted=found.value)
    return Judged("wrong", method=found.method, score=0.0, extracted=found.value)


@lru_cache(maxsize=65_536)
def gold_letter(gold: str, choices: tuple[str, ...]) -> str | None:
    """Return the letter of a gold answer given as a letter, as `(A) text`, or as the text of one choice."""
    return read_choice(gold, "gold", choices).value


def _judge_text(found: Extraction, gold: str) -> Judged:
    wanted, value = word_key(gold), found.value or ""
    if len(value) > MAX_TEXT:
        return unknown("unsupported", f"text longer than {MAX_TEXT:,} characters", found.method)
    if word_key(value) == wanted:
        return Judged("right", method=found.method, score=1.0, extracted=value)
    for other in found.others:
        if word_key(other) == wanted:
            return Judged("right", method="last line", score=1.0, extracted=other)
    shown = value if len(value) <= 400 else f"{value[:397]}..."
    if wanted and found.method == "whole" and f" {wanted} " in f" {word_key(value)} ":
        return unknown("ambiguous", "the gold answer occurs in a longer text", found.method, shown)
    return Judged("wrong", method=found.method, score=0.0, extracted=shown)


def word_key(text: str) -> str:
    """Return the key under which texts are the same: `plain_words`, clock times without leading zero (03:05)."""
    words = plain_words(text)
    if len(words) == 5 and words[0] == "0" and words[2] == ":" and (words[1] + words[3:]).isdigit():
        return words[1:]
    return words
