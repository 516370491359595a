"""Abandoned branches: what a step takes back, where nothing later rests on it."""

from __future__ import annotations

from potstill.curate.pruning.reading import StepReading, numbers_gone


def abandoned(reading: StepReading) -> set[int]:
    """Return the steps that are taken back by the one behind them, and that one.

    Where a later step uses a number that only they state, all of it stays. Before the last of them those go too whose
    results only it used. Where answers are numbers, what is taken back has to have stated one.
    """
    found: set[int] = set()
    for place in range(1, len(reading.steps)):
        at = place - 1
        if not reading.rejects(place) or at in found or not _states(reading, at):
            continue
        branch = {at, place}
        if numbers_gone(reading, branch):
            continue
        while at > 0 and _feeds(reading, at - 1, at) and not numbers_gone(reading, branch | {at - 1}):
            at -= 1
            branch.add(at)
        found |= branch
    return found


def _states(reading: StepReading, place: int) -> bool:
    return bool(reading.steps[place].results or reading.fresh[place]) or reading.told.answer is None


def _feeds(reading: StepReading, place: int, into: int) -> bool:
    """Whether a step computes something that the next one uses and no one else does."""
    results = {abs(result) for result in reading.steps[place].results} & reading.fresh[place]
    return bool(results) and results <= reading.steps[into].numbers and results.isdisjoint(reading.used_after[into])
