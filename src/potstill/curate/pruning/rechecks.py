"""Redundant re-checks on the way: what is computed again and comes to what was known."""

from __future__ import annotations

from potstill.curate.pruning.reading import StepReading


def rechecks(reading: StepReading) -> set[int]:
    """Return the steps from one that says it goes back over something to the last that computes what was known.

    A check that finds anything new, or uses a number of the question for the first time, stays: it is no repetition.
    """
    found: set[int] = set()
    place, count = 0, len(reading.steps)
    while place < count:
        if not reading.goes_back(place) or reading.rejects(place):
            place += 1
            continue
        end, last = place, -1
        while end < count and _repeats(reading, end):
            if reading.steps[end].results:
                last = end
            end += 1
        if last >= 0 and any(reading.steps[before].results for before in range(place)):
            found |= set(range(place, last + 1))
        place = max(place + 1, last + 1)
    return found


def _repeats(reading: StepReading, place: int) -> bool:
    """Whether a step states nothing for the first time; the first that computes the answer may look as if it did."""
    if reading.fresh[place] or reading.first_given[place] or reading.rejects(place):
        return False
    answer = reading.told.answer
    results = {abs(result) for result in reading.steps[place].results}
    if answer is None or abs(answer) not in results:
        return True
    return any(abs(answer) in map(abs, reading.steps[before].results) for before in range(place))
