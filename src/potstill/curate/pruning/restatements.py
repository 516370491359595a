"""Restatements: what was just written, stands in a sentence before or is asked for; and what only will be done."""

from __future__ import annotations

from potstill.curate.pruning.reading import StepReading

LEAST = 4
"""Words and numbers below which a sentence is not looked for in others: `So it is 12.`"""
WINDOW = 12
"""Steps before it in which a sentence is looked for."""


def restatements(reading: StepReading) -> set[int]:
    """Return the steps that say nothing which a step before them, or the question, does not say; the last one stays.

    An equation is said again where the last step with any has just it, and all its words; a sentence without one where
    it stands word for word in an earlier step. That the same operation is done twice is no restatement: between the two
    another one stands, or they have other words (`Maps: 4 * 8 = 32. Cakes: 4 * 8 = 32.`). What is asked for says
    nothing before anything is computed (`We look for the change.`), what will be done nowhere (`Step by step.`).
    """
    found: set[int] = set()
    last = -1
    for place in range(len(reading.steps) - 1):
        step = reading.steps[place]
        if step.results:
            if last >= 0 and _equals(reading, last, place):
                found.add(place)
            else:
                last = place
        elif reading.announces(place) or (len(reading.spelt[place]) >= LEAST and _stands_before(reading, place, found)):
            found.add(place)
    return found


def _equals(reading: StepReading, before: int, place: int) -> bool:
    one, other = reading.steps[before], reading.steps[place]
    return (
        (one.operands, one.results) == (other.operands, other.results)
        and reading.words[place] <= reading.words[before]
        and other.numbers <= one.numbers
    )


def _stands_before(reading: StepReading, place: int, out: set[int]) -> bool:
    sought, size = reading.spelt[place], len(reading.spelt[place])
    for before in range(place - 1, max(-1, place - WINDOW - 1), -1):
        words = reading.spelt[before]
        if before not in out and any(words[at : at + size] == sought for at in range(len(words) - size + 1)):
            return True
        if reading.steps[before].results:  # what was so before may be so again
            return False
    return False
