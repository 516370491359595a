"""Abandoned attempts: a step that the next one takes back, where the one behind does it again."""

from __future__ import annotations

from fractions import Fraction

from potstill.curate.pruning.reading import StepReading

SHARED = 4
"""Words that an attempt without a number shares with its repetition: `Ana to the front gives Ana, Tom, Eva`."""


def abandoned(reading: StepReading) -> set[int]:
    """Return the steps that are taken back by a bare `No, that is wrong.`, and that sentence, where they are redone.

    The step behind starts from what the one taken back started from (`19 - 2 = 17`, then `19 + 2 = 21`), so the attempt
    was that one step: of a longer one the beginning would stay and look as if it held.
    """
    found: set[int] = set()
    for place in range(1, len(reading.steps) - 1):
        if reading.takes_back(place) and place - 1 not in found and _redone(reading, place - 1, place + 1):
            found |= {place - 1, place}
    return found


def _redone(reading: StepReading, place: int, again: int) -> bool:
    """Whether a step is done again: what it uses is there later too, and what it comes to is not met again."""
    if any(reading.goes_back(at) or reading.rejects(at) or reading.asks(at) for at in (place, again)):
        return False
    tried, redo = reading.steps[place], reading.steps[again]
    later = frozenset[Fraction]().union(*(step.numbers for step in reading.steps[again:]))
    used = tried.numbers - {abs(result) for result in tried.results} - reading.fresh[place]
    if reading.leans(again) or not reading.fresh[place].isdisjoint(later) or not used <= later | reading.told.given:
        return False
    if tried.numbers:
        return not used.isdisjoint(redo.numbers)
    return len(set(reading.spelt[place]) & set(reading.spelt[again])) >= SHARED
