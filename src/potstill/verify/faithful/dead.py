"""The share of computed values that lead nowhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Set
from fractions import Fraction

from potstill.verify.faithful.values import SMALL, Told, ToldStep, one_operation, set_equal, stands_for

CASES = 3
"""Steps of one shape, or results of one step, that are cases of a list."""
SHAPE = 60
"""Characters of a step's shape."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CASE = re.compile(r"[-*•]|.*?[^\W\d]{3}", re.DOTALL)
"""A shape with words or behind a bullet; bare equations of one shape are no cases."""
_RESIDUE = re.compile(r"≡|\\equiv|\bmod(?:ulo)?\b|\\p?mod|\bremainder\b|\bcongruent\b", re.IGNORECASE)
"""Of what is computed in such a step only the rest is used."""

PLACES = 5
"""A result may be used rounded to fewer decimals than these."""


def dead(told: Told) -> float | None:
    """Return the share of results that no later number equals and that are not the answer, None without any result.

    Results of steps that look back are not counted, nor those behind the step that comes to the answer or of cases
    that are gone through one by one, but what all these use counts as used; a later number may be the result rounded
    or in hundredths. What is a residue's number, or one operation away from the answer, leads on. Where the answer is
    no number, or may be another one, the last result is taken to lead to it.
    """
    answered = next((number for number, step in enumerate(told.steps) if told.answer is not None
                     and abs(told.answer) not in told.given
                     and (abs(told.answer) in map(abs, step.results) or set_equal(step.text, told.answer))),
                    len(told.steps))  # fmt: skip
    shapes = Counter(shape for step in told.steps if step.results and _CASE.match(shape := _shape(step)))
    found = [
        (number, abs(result)) for number, step in enumerate(told.steps[: answered + 1])
        if not step.looks_back and shapes[_shape(step)] < CASES and len(step.results) <= CASES
        for result in step.results
    ]  # fmt: skip
    if not found:
        return None
    last_at = {value: number for number, step in enumerate(told.steps) for value in step.numbers}
    with_it = {result for _, result in found} | told.given | SMALL - {Fraction(1)}
    unused = 0
    for place, (number, result) in enumerate(found):
        within = any(at == number and other != result for at, other in found[place + 1 :])
        later = any(last_at.get(value, -1) > number for value in _ways(result))
        chained = within and told.steps[number].operands.count(result) > 0
        led = later or chained or _RESIDUE.search(told.steps[number].text) is not None
        unused += not (led or _answers(told, result, with_it, last=place == len(found) - 1))
    return unused / len(found)


def _shape(step: ToldStep) -> str:
    """Return a step without its numbers: cases that are gone through have one shape."""
    return _NUMBER.sub("0", step.text).strip()[:SHAPE]


def _answers(told: Told, result: Fraction, with_it: Set[Fraction], *, last: bool) -> bool:
    if told.answer is None or told.doubted:
        return last
    if any(stands_for(result, answer) for answer in (told.answer, *told.others)):
        return True
    return one_operation({result}, with_it, told.answer)


def _ways(result: Fraction) -> Iterator[Fraction]:
    """Yield how a result may be written where it is used."""
    yield from (result, result * 100, result / 100)
    for places in range(PLACES):
        scale = 10**places
        yield Fraction(int(result * scale + Fraction(1, 2)), scale)
