"""Whether the last value that the reasoning computes, or the last thing that it names, is the answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from potstill.records import LETTERS, Outcome
from potstill.verify.faithful.values import Told, ToldStep

LAST = 2
"""Steps at the end that may name an answer in words."""
_LETTER = re.compile(r"\b(?:option|choice|answer)\b[^.\n]{0,24}?\(?\b([A-Z])\b", re.IGNORECASE)
"""`choice G`, `option (B)`, `the answer is C`."""
_PIECE = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z0-9]")
_BETWEEN_DIGITS = re.compile(r"\d[:/.-]\d")
"""What makes of digits a time or a date: `9:05`, `2026-11-30`."""


def conclusion(told: Told) -> Outcome:
    """Return right where the last computed value is the answer, wrong where it is another, unknown where neither shows.

    The last step that goes forward and computes or names a number decides; of one that computes only the results count.
    An answer in words is right where the last steps name it. It is wrong only where they name another option of the
    problem, the same words in another order, or another time or date: a text may mean it in other words.
    """
    steps = told.forward
    if told.answer is None:
        return _worded(told, steps[-LAST:])
    computed = [step for step in steps if step.results]
    if not computed:
        return "unknown"
    last = next(step for step in reversed(steps) if step.numbers)
    values = last.results or (*last.numbers, computed[-1].results[-1])
    found = {abs(value) for value in values}
    return "right" if not found.isdisjoint((abs(told.answer), abs(told.answer) / 100)) else "wrong"  # 70% is 0.7


def _worded(told: Told, last: Sequence[ToldStep]) -> Outcome:
    for step in reversed(last):
        found = named(told, step.text)
        if found != "unknown":
            return found
    return "unknown"


def named(told: Told, text: str) -> Outcome:
    """Return right where a text names the answer in words or by its letter, wrong where another, unknown if none."""
    return _of_choice(told, text) if told.choices else _of_text(told.said, text)


def _of_choice(told: Told, text: str) -> Outcome:
    """Judge a step by the one option that it names, by letter or in full."""
    place = LETTERS.find(told.said.strip("() .").upper() or "?")
    lettered = [found.upper() for found in _LETTER.findall(text)]
    if lettered and LETTERS.index(lettered[-1]) < len(told.choices):
        return "right" if LETTERS.index(lettered[-1]) == place else "wrong"
    named = [number for number, choice in enumerate(told.choices) if _has(text, choice)]
    if place < 0 or len(named) != 1:
        return "unknown"
    return "right" if named == [place] else "wrong"


def _of_text(said: str, text: str) -> Outcome:
    if not said:
        return "unknown"
    if _has(text, said):
        return "right"
    pieces, shown = _pieces(said), _pieces(text)
    size = len(pieces)
    windows = [shown[at : at + size] for at in range(len(shown) - size + 1)] if size > 2 else []
    if any(Counter(window) == Counter(pieces) for window in windows):
        return "wrong"  # the same words in another order
    if _BETWEEN_DIGITS.search(said):
        shape = ["9" if piece.isdigit() else piece for piece in pieces]
        if any(["9" if piece.isdigit() else piece for piece in window] == shape for window in windows):
            return "wrong"  # another time or date
    return "unknown"


def _pieces(text: str) -> list[str]:
    return [piece.casefold() for piece in _PIECE.findall(text[-2_000:])]


def _has(text: str, wanted: str) -> bool:
    """Whether a text holds another one whole, whatever its capitals."""
    at = text.casefold().find(wanted.casefold())
    end = at + len(wanted)
    return at >= 0 and not (text[at - 1 : at].isalnum() and at > 0) and not text[end : end + 1].isalnum()
