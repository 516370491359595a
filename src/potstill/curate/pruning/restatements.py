"""Restatements: what the sentence before has word for word, and what is only announced or asked for."""

from __future__ import annotations

from potstill.curate.pruning.reading import StepReading

LEAST = 3
"""Words and numbers below which a sentence is not looked for in the one before: `k >= 3.`, `) ; stack: [ (`"""
_FILLING = frozenset({"so", "thus", "hence", "therefore", "then", "and", "yes", "okay", "again"})


def restatements(reading: StepReading) -> set[int]:
    """Return the steps that say nothing which the step before them, or the question, does not say; the last one stays.

    Word for word and sign for sign, right behind it: a move that comes again later is another one. What is asked for
    says nothing before anything is computed (`We look for the change.`), what will be done nowhere (`Step by step.`);
    they stay where the next step goes on from them.
    """
    found: set[int] = set()
    for place in range(len(reading.steps) - 1):
        if reading.announces(place):
            said = not reading.leans(place + 1) and not reading.asks(place - 1)
        else:
            said = place > 0 and place - 1 not in found and not reading.leads(place)
            said = said and _stands_in(reading.spelt[place], reading.spelt[place - 1])
        if said:
            found.add(place)
    return found


def _stands_in(said: tuple[str, ...], before: tuple[str, ...]) -> bool:
    while said and said[0] in _FILLING:
        said = said[1:]
    size = len(said)
    enough = sum(word.isalnum() for word in said) >= LEAST
    return enough and any(before[at : at + size] == said for at in range(len(before) - size + 1))
