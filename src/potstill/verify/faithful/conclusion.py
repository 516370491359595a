"""Whether the last value that the reasoning computes, or the last thing that it names, is the answer."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence, Set
from fractions import Fraction

from potstill.records import LETTERS, Outcome
from potstill.verify.faithful.values import EQUALS, Told, ToldStep, one_operation, set_equal, stands_for, written

LAST = 2
"""Steps at the end that may name an answer in words."""
_LETTER = re.compile(r"\b(?:option|choice|answer)\b[^.\n]{0,24}?\(?\b([A-Z])\b", re.IGNORECASE)
"""`choice G`, `option (B)`, `the answer is C`."""
_PIECE = re.compile(r"[A-Za-z]+|\d+|[^\sA-Za-z0-9]")
_BETWEEN_DIGITS = re.compile(r"\d:\d|\d([/.-])\d{1,2}\1\d")
"""What makes of digits a time or a date: `9:05`, `2026-11-30`; `130.56` is neither."""
_LISTED = re.compile(r"[^\W\d][^,;\d{}]{0,30}(?:[,;][^,;\d{}]{1,30}){2,60}")
"""Words whose order counts: `Tom, Ana, Mia`; of numbers a set or what is put in may have the same ones."""
_ROUGHLY = re.compile(r"≈|\\approx|\b(?:about|approx|round|roughly)", re.IGNORECASE)
_NUMERIC = re.compile(r"\W*\d")
"""An option that begins with a number, which a step may write down for another reason."""
TRAIL = 3
"""Steps behind the last one that computes which may name the answer."""
SUMMED = 12
"""Results at the end of which a sum may be left to the answer."""
PARTS = 3
"""Results of one last step that are parts of a sum."""
SCALES = (24, 60, 100, 1000, 3600)
"""What a quantity is multiplied by where another unit is asked for."""
_ANNOUNCES = re.compile(
    r"\b(?:add|divid|multipl|subtract|sum(?:ming)?\b|calculat|find|determin|comput|combin|take away|gives? us)",
    re.IGNORECASE,
)
"""How an operation is announced that is left to the answer: `Finally, we add both.`"""
_SETTLED = re.compile(
    r"\b(?:match\w*|consistent|makes? sense|satisf\w+|as (?:given|stated|expected)|correct|verif\w*|check\w*|confirm\w*"
    r"|(?:is|are|was|were) given|works?)\b",
    re.IGNORECASE,
)
"""How a step says that what there is holds: `This matches the given information.`"""


def conclusion(told: Told) -> Outcome:
    """Return right where the last computed value is the answer, wrong where it is another, unknown where neither shows.

    The last step that goes forward and computes or names a number decides; of one that computes the results count, and
    the number that it ends with. What the answer computes once more, or what comes behind a check, takes nothing back:
    it is right as well where the reasoning alone came to the answer, or what stands before its last check.
    An answer in words is right where the last steps name it. It is wrong only where they name another option of the
    problem, the same words in another order, or another time or date: a text may mean it in other words. Of an answer
    that cannot be read for certain nothing is called wrong.
    """
    if told.answer is None:
        return _worded(told, told.forward[-LAST:])
    if not any(step.results for step in told.forward):
        return "unknown"
    checks = [number for number, step in enumerate(told.steps) if step.looks_back]
    ends = [_end([step for step in told.steps[:until] if not step.looks_back])
            for until in (len(told.steps), told.reasoned, *checks[-1:])]  # fmt: skip
    if any(stands_for(value, told.answer) for end in ends for value in end):
        return "right"
    return "unknown" if told.doubted or told.reckoned or _may_end(told, told.answer, ends[0]) else "wrong"


def _may_end(told: Told, answer: Fraction, end: Sequence[Fraction]) -> bool:
    """Whether a reasoning that does not end at the answer may come to it all the same.

    By another reading of the answer, made whole or put in another unit; by an operation that it announces and leaves to
    the answer; or before it only made sure of it.
    """
    if any(stands_for(value, other) for value in end for other in told.others):
        return True
    if any(_whole(value, answer) or value * scale == answer or answer * scale == value for value in end
           for scale in SCALES):  # fmt: skip
        return True
    steps = [step for step in told.steps[: told.reasoned] if not step.looks_back]
    last = steps[-1] if steps else None
    announced = last is not None and not last.results and _ANNOUNCES.search(last.text) is not None
    if last is not None and not last.results:
        near = set(last.numbers)
        if announced:
            near |= told.given | {abs(value) for step in steps for value in step.results}
        if one_operation(near, near, answer):
            return True
    if announced or (last is not None and len(last.results) >= PARTS):
        sums = _sums(steps)
        if answer in sums or one_operation(sums, told.given, answer):
            return True
    if any(_ROUGHLY.search(step.text) for step in steps[-2:]) and any(
        1000 * abs(abs(value) - abs(answer)) <= abs(answer) for value in end
    ):
        return True
    if last is not None and last.results and told.given.issuperset(map(abs, last.results)):
        return any(abs(answer) in step.numbers for step in steps[:-1])  # `80 + 20 = 100`, as the question says
    had = next((place for place, step in enumerate(steps) if abs(answer) in map(abs, step.results)
                or set_equal(step.text, answer)), len(steps))  # fmt: skip
    return any(_SETTLED.search(step.text) for step in steps[had + 1 :])


def _sums(steps: Sequence[ToldStep]) -> Set[Fraction]:
    """Return what the last three and more results make together: a sum of several that is left to the answer."""
    results = [abs(value) for step in steps for value in step.results][-SUMMED:]
    return frozenset(list(itertools.accumulate(reversed(results)))[2:])


def _end(steps: Sequence[ToldStep]) -> tuple[Fraction, ...]:
    """Return the values that steps end at."""
    last = next((step for step in reversed(steps) if step.numbers), None)
    if last is None:
        return ()
    if last.results:
        return (*last.results, *written(EQUALS.split(last.text)[-1]))
    behind = list(itertools.takewhile(lambda step: not step.results, reversed(steps)))
    computed = next((step.results[-1:] for step in reversed(steps) if step.results), ())
    return (*(number for step in behind[:TRAIL] for number in step.numbers), *last.numbers, *computed)


def _whole(value: Fraction, answer: Fraction) -> bool:
    """Whether an answer is a value made whole, up or down: of 3.2 buses 4 are needed."""
    return answer.denominator == 1 and value.denominator != 1 and abs(abs(value) - abs(answer)) < 1


def _worded(told: Told, last: Sequence[ToldStep]) -> Outcome:
    for step in reversed(last):
        found = named(told, step.text)
        if found != "unknown":
            return found
    return "unknown"


def named(told: Told, text: str) -> Outcome:
    """Return right where a text names the answer in words or by its letter, wrong where another, unknown if none."""
    if not told.said:
        return "unknown"
    return _of_choice(told, text) if told.choices else _of_text(told.said, text)


def _of_choice(told: Told, text: str) -> Outcome:
    """Judge a step by the one option that it names, by letter or in full."""
    place = LETTERS.find(told.said.strip("() .").upper() or "?")
    lettered = [found.upper() for found in _LETTER.findall(text)]
    if lettered and LETTERS.index(lettered[-1]) < len(told.choices):
        return "right" if LETTERS.index(lettered[-1]) == place else "wrong"
    named = [number for number, choice in enumerate(told.choices) if not _NUMERIC.match(choice) and _has(text, choice)]
    if place < 0 or len(named) != 1:
        return "unknown"
    return "right" if named == [place] else "wrong"


def _of_text(said: str, text: str) -> Outcome:
    if _has(text, said):
        return "right"
    pieces, shown = _pieces(said), _pieces(text)
    size = len(pieces)
    windows = [shown[at : at + size] for at in range(len(shown) - size + 1)] if size > 2 else []
    if _LISTED.fullmatch(said) and any(Counter(window) == Counter(pieces) for window in windows):
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
