"""Redundant re-checks on the way: a sentence that says that it checks, and does a sum that was done before."""

from __future__ import annotations

from fractions import Fraction

from potstill.curate.pruning.reading import StepReading


def rechecks(reading: StepReading) -> set[int]:
    """Return the checks in one sentence of a sum done before, or of one turned round: `12 - 7 = 5` behind `5 + 7 = 12`.

    The step behind it has to compute something else, or the check may go on there; nor may it go on from the check. A
    check behind a question stays as its answer.
    """
    facts: set[frozenset[Fraction]] = set()
    found: set[int] = set()
    for place, step in enumerate(reading.steps[:-1]):
        behind = reading.steps[place + 1]
        ends = bool(behind.results) and behind.numbers not in facts and not reading.leans(place + 1)
        again = bool(step.results) and step.numbers in facts and reading.checks(place) and not reading.open(place)
        if again and ends and not reading.asks(place - 1):
            found.add(place)
        if step.results:
            facts.add(step.numbers)
    return found
