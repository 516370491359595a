"""What a reasoning does beside going forward: checks, attempts given up, restatements, other ways. Pure, linear.

Two detectors that know nothing of each other. By words: a sentence says so (`steps.turns`). By structure: equations
alone say so, whatever words stand around them: one that undoes an earlier one and leads nowhere is a check; a result
that nothing uses, with a new start from the same number behind it, was given up. Detectors differ, so a figure names
its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from typing import Literal

from potstill.verify.steps.arithmetic import MAX_CHARACTERS, MAX_EQUATIONS
from potstill.verify.steps.segment import segment
from potstill.verify.steps.statements import equations
from potstill.verify.steps.tokens import plain, tokens_of
from potstill.verify.steps.turns import saying

Behaviour = Literal["check", "backtrack", "restatement", "alternative"]
BEHAVIOURS: tuple[Behaviour, ...] = ("check", "backtrack", "restatement", "alternative")
_SAID: dict[Behaviour, re.Pattern[str]] = {
    "check": saying("check"),
    "backtrack": saying("doubt", "rejection", "restart"),
    "restatement": saying("restatement"),
    "alternative": saying("alternative"),
}
_SIGN = re.compile(r"[-+*/^]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaved:
    """The numbers of the sentences, counted from 0, that show a behaviour, by each detector; `words` of the text."""

    said: dict[Behaviour, tuple[int, ...]]
    shown: dict[Behaviour, tuple[int, ...]]
    sentences: int
    words: int

    def has(self, behaviour: Behaviour) -> bool:
        """Whether either detector finds it."""
        return bool(self.said[behaviour] or self.shown[behaviour])

    def count(self, behaviour: Behaviour) -> int:
        """Sentences in which either detector finds it; an attempt that is given up in one and left in the next is one.

        Structure marks the attempt and words the doubt right behind it.
        """
        said, shown = self.said[behaviour], self.shown[behaviour]
        return len(said) + sum(at not in said and at + 1 not in said for at in shown)


@dataclass(frozen=True, slots=True)
class _Simple:
    """An equation of two numbers, `a + b = c`, in a sentence."""

    sentence: int
    first: Fraction
    sign: str
    second: Fraction
    result: Fraction


def behaved(question: str, reasoning: str, answer: str = "") -> Behaved:
    """Return what a reasoning does. Restatements are also told by their words: those of the question, and no number."""
    spans = segment(reasoning, "sentences")
    sentences = [reasoning[span.start : span.end] for span in spans]
    said: dict[Behaviour, tuple[int, ...]] = {
        name: tuple(at for at, sentence in enumerate(sentences) if pattern.search(sentence[:MAX_CHARACTERS]))
        for name, pattern in _SAID.items()
    }
    found = list(islice(_simple(sentences), MAX_EQUATIONS))
    uses = _Uses(found, sentences, question, answer)
    left = _unique(_given_up(uses))
    shown: dict[Behaviour, tuple[int, ...]] = {
        "check": tuple(at for at in _unique(_undone(uses)) if at not in left),
        "backtrack": left,
        "restatement": tuple(_repeats(question, sentences)),
        "alternative": (),
    }
    return Behaved(said=said, shown=shown, sentences=len(sentences), words=len(reasoning.split()))


def _simple(sentences: Sequence[str]) -> Iterator[_Simple]:
    for at, sentence in enumerate(sentences):
        if len(sentence) > MAX_CHARACTERS:
            continue
        for equation in equations(sentence, {}):
            numbers = [token.value for token in tokens_of(plain(equation.left.text)) if token.kind == "number"]
            signs = _SIGN.findall(plain(equation.left.text))
            right = equation.right.literal
            if right is not None and len(numbers) == 2 and len(signs) == 1 and equation.left.operators == 1:
                yield _Simple(at, numbers[0], signs[0], numbers[1], right.value)


def _numbers(text: str) -> frozenset[Fraction]:
    return frozenset(token.value for token in tokens_of(plain(text[:MAX_CHARACTERS])) if token.kind == "number")


_INVERSE = {"+": "-", "-": "+", "*": "/", "/": "*"}


class _Uses:
    """Where the numbers of a reasoning are used last."""

    def __init__(self, found: Sequence[_Simple], sentences: Sequence[str], question: str, answer: str) -> None:
        self.found, self.given, self.told = found, _numbers(question), _numbers(answer)
        self.begins = {one.first: place for place, one in enumerate(found)}
        self.within = {(one.sentence, one.second): place for place, one in enumerate(found)}
        self.seen = {number: at for at, sentence in enumerate(sentences) for number in _numbers(sentence)}

    def leads_nowhere(self, place: int) -> bool:
        """Whether nothing behind an equation uses its result, and the answer is another.

        A number of the question stands behind it for its own sake: it is used where an equation begins with it.
        """
        one = self.found[place]
        if one.result in self.told or self.begins.get(one.result, -1) > place:
            return False
        if self.within.get((one.sentence, one.result), -1) > place:
            return False
        return one.result in self.given or self.seen.get(one.result, -1) <= one.sentence


def _undone(uses: _Uses) -> Iterator[int]:
    """Yield where an equation undoes an earlier one, or begins with the answer once it is there, and leads nowhere."""
    before: set[tuple[str, Fraction, Fraction, Fraction]] = set()
    reached: set[Fraction] = set()
    for place, one in enumerate(uses.found):
        back = one.first in reached or not before.isdisjoint(_undoing(one))
        if back and uses.leads_nowhere(place):
            yield one.sentence
        before.add((one.sign, one.first, one.second, one.result))
        reached |= {one.result} & uses.told


def _undoing(one: _Simple) -> Iterator[tuple[str, Fraction, Fraction, Fraction]]:
    """Yield the equations that an equation undoes: `12 - 5 = 7` undoes `7 + 5 = 12` and `5 + 7 = 12`."""
    sign = _INVERSE.get(one.sign)
    if sign is None:
        return
    yield sign, one.result, one.second, one.first
    if sign in "+*":
        yield sign, one.second, one.result, one.first
    else:  # `4 * 3 = 12` undoes `12 / 3 = 4`, and `12 / 4 = 3`
        yield sign, one.result, one.first, one.second


def _given_up(uses: _Uses) -> Iterator[int]:
    """Yield where a result leads nowhere and the next equation starts anew from the same number, to another result."""
    for place, (one, other) in enumerate(pairwise(uses.found)):
        anew = other.first == one.first or {one.first, one.second} == {other.first, other.second}
        third = uses.found[place + 2 : place + 3]
        if third and other.first + third[0].first == one.result:
            continue  # the result is taken apart, as tens and ones
        if anew and one.result != other.result and uses.leads_nowhere(place):
            yield one.sentence


def _repeats(question: str, sentences: Sequence[str]) -> Iterator[int]:
    """Yield the sentences of four words or more that hold no number and only words of the question."""
    asked = set(_words(question))
    for at, sentence in enumerate(sentences):
        words = _words(sentence[:MAX_CHARACTERS])
        if len(words) >= 4 and not any(c.isdigit() for c in sentence) and asked.issuperset(words):
            yield at


def _words(text: str) -> list[str]:
    return [word.strip(".,;:!?()\"'").casefold() for word in text.split()]


def _unique(places: Iterator[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(places))
