"""Some steps of a trace as pruning reads them: what each states that is new, uses, concludes, or goes over again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from potstill.verify.faithful.conclusion import named
from potstill.verify.faithful.values import Told, ToldStep
from potstill.verify.steps.segment import thinks_again
from potstill.verify.steps.turns import ANNOUNCING, opening, saying

_BACK = opening("check", "doubt", "alternative", "summary")
_NOT_IT = saying("rejection")
_ASKED = opening("restatement")
SHORT = 12
"""Words of a step that closes and says nothing more: `So we have it.`"""
_WORD = re.compile(r"[^\W_]+")
"""The words of `step-by-step`: three."""


@dataclass(frozen=True)
class StepReading:
    """Steps of a trace in their order. Everything about a step is told by its place among them."""

    told: Told
    steps: tuple[ToldStep, ...]

    @classmethod
    def of(cls, told: Told, kept: Sequence[int]) -> StepReading:
        """Read some of the steps of a trace."""
        return cls(told, tuple(told.steps[number] for number in kept))

    @cached_property
    def fresh(self) -> tuple[frozenset[Fraction], ...]:
        """Of each step the numbers that stand neither in the question nor in a step before it."""
        known = set(self.told.given)
        found = []
        for step in self.steps:
            found.append(frozenset(step.numbers - known))
            known |= step.numbers
        return tuple(found)

    @cached_property
    def first_given(self) -> tuple[frozenset[Fraction], ...]:
        """Of each step the numbers of the question that no step before it used, but to check something."""
        used: set[Fraction] = set()
        found = []
        for step in self.steps:
            found.append(frozenset((step.numbers & self.told.given) - used))
            used |= step.numbers if not step.looks_back else frozenset()
        return tuple(found)

    @cached_property
    def used_after(self) -> tuple[frozenset[Fraction], ...]:
        """Of each step the numbers of all steps behind it."""
        later: set[Fraction] = set()
        found = []
        for step in reversed(self.steps):
            found.append(frozenset(later))
            later |= step.numbers
        return tuple(reversed(found))

    @cached_property
    def way(self) -> frozenset[int]:
        """The places of the steps that compute what the last step with the answer rests on, and of that one.

        Every step that comes to a number counts which one of them uses, so that none is missed; none where the answer
        is no number or nothing computes it.
        """
        if self.told.answer is None:
            return frozenset()
        needed = {abs(self.told.answer)}
        found = set()
        for place in reversed(range(len(self.steps))):
            step = self.steps[place]
            if not needed.isdisjoint(map(abs, step.results)):
                found.add(place)
                needed |= {abs(operand) for operand in step.operands} - self.told.given
        return frozenset(found)

    @cached_property
    def words(self) -> tuple[frozenset[str], ...]:
        """Of each step its words of three letters and more."""
        return tuple(frozenset(words_of(step.text)) for step in self.steps)

    @cached_property
    def spelt(self) -> tuple[tuple[str, ...], ...]:
        """Of each step its words and numbers in their order, in lower case."""
        return tuple(tuple(_WORD.findall(step.text.casefold())) for step in self.steps)

    @cached_property
    def _computes_at(self) -> int:
        """The place of the first step that computes."""
        return next((place for place, step in enumerate(self.steps) if step.results), len(self.steps))

    @cached_property
    def _sayable(self) -> frozenset[str]:
        """The words of the answer and of all options: a step with one of them may be on the way to another answer."""
        return frozenset(word for text in (self.told.said, *self.told.choices) for word in words_of(text))

    def goes_back(self, place: int) -> bool:
        """Whether a step says that it goes over what is settled, or thinks again."""
        step = self.steps[place]
        return step.looks_back or thinks_again(step.text) or _BACK.match(step.text) is not None

    def announces(self, place: int) -> bool:
        """Whether a step only says that something will be done, or what is asked for."""
        step = self.steps[place]
        if step.results or self.fresh[place] or self.states_answer(place) or self.goes_back(place):
            return False
        if not step.numbers and self.spelt[place] and ANNOUNCING.issuperset(self.spelt[place]):
            return True
        return place < self._computes_at and _ASKED.match(step.text) is not None

    def rejects(self, place: int) -> bool:
        """Whether a step takes back what was said before it."""
        return _NOT_IT.search(self.steps[place].text[:200]) is not None and not self.steps[place].results

    def states_answer(self, place: int) -> bool:
        """Whether a step comes to the answer of the trace, or names it."""
        step, answer = self.steps[place], self.told.answer
        if answer is None:
            return bool(self.told.said) and named(self.told, step.text) == "right"
        if step.results:
            return abs(step.results[-1]) == abs(answer)
        return abs(answer) in step.numbers

    def idle(self, place: int) -> bool:
        """Whether a step computes nothing but the answer and states no new number; in words, names nothing else."""
        step, answer = self.steps[place], self.told.answer
        if answer is None:
            short = not step.results and not step.numbers and len(_WORD.findall(step.text)) <= SHORT
            return self.states_answer(place) or (short and self.words[place].isdisjoint(self._sayable))
        return not self.fresh[place] and all(abs(result) == abs(answer) for result in step.results)


def words_of(text: str) -> Iterable[str]:
    """Yield the words of a text that have at least three letters, in lower case."""
    return (word for word in _WORD.findall(text.casefold()) if len(word) > 2)


def numbers_gone(reading: StepReading, found: set[int]) -> set[int]:
    """Return which of the steps to take out have to stay, since kept ones use numbers that nothing else states.

    A number that a kept step uses and that stood before it has to stand before it still: in the question, or in a kept
    step. The latest step that states it stays, and then what that one uses, and so on.
    """
    back: set[int] = set()
    while True:
        missing = _missing(reading, found - back)
        if not missing:
            return back
        back |= missing


def _missing(reading: StepReading, out: set[int]) -> set[int]:
    there: set[Fraction] = set(reading.told.given)
    lost: dict[Fraction, int] = {}
    needed: set[int] = set()
    for place, step in enumerate(reading.steps):
        if place in out:
            lost.update(dict.fromkeys(step.numbers - there, place))
            continue
        used = step.numbers - {abs(result) for result in step.results}
        needed.update(lost[number] for number in used if number in lost and number not in there)
        there |= step.numbers
    return needed
