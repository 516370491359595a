"""Abandoned branches: what a step takes back or turns away from, where nothing later rests on it."""

from __future__ import annotations

from potstill.curate.pruning.reading import StepReading, numbers_gone


def abandoned(reading: StepReading) -> set[int]:
    """Return the steps that are taken back by the one behind them, and that one; and those that are only left.

    Where a later step uses a number that only they state, all of it stays. Before the last of them those go too whose
    results only it used. Where answers are numbers, what is taken back has to have stated one.
    """
    found = _left(reading)
    for place in range(1, len(reading.steps)):
        at = place - 1
        if not reading.rejects(place) or found & {at, place} or not _states(reading, at):
            continue
        branch = {at, place}
        if numbers_gone(reading, branch):
            continue
        while at > 0 and _feeds(reading, at - 1, at) and not numbers_gone(reading, branch | {at - 1}):
            at -= 1
            branch.add(at)
        found |= branch
    return found


def _left(reading: StepReading) -> set[int]:
    """Return the steps whose results are neither on the way to the answer nor met again, up to where a step turns.

    What turns (`Wait, the coupon is for all of it.`) stays, and so does what stood before the branch computed.
    """
    way = reading.way
    found: set[int] = set()
    for turn in range(1, max(way, default=0)):
        if not reading.goes_back(turn) or reading.rejects(turn):
            continue
        at = first = turn
        while at > 0 and at - 1 not in way and at - 1 not in found and not reading.goes_back(at - 1):
            at -= 1
            first = at if reading.steps[at].results else first
        branch = range(first, turn)
        made = {abs(result) for place in branch for result in reading.steps[place].results}
        if made and made.isdisjoint(reading.used_after[turn - 1] | reading.told.given):
            found |= set(branch)
    return found


def _states(reading: StepReading, place: int) -> bool:
    return bool(reading.steps[place].results or reading.fresh[place]) or reading.told.answer is None


def _feeds(reading: StepReading, place: int, into: int) -> bool:
    """Whether a step computes something that the next one uses and no one else does."""
    results = {abs(result) for result in reading.steps[place].results} & reading.fresh[place]
    return bool(results) and results <= reading.steps[into].numbers and results.isdisjoint(reading.used_after[into])
