"""Everything after the conclusion: what only checks, says again or closes once the answer is there."""

from __future__ import annotations

from collections.abc import Iterable

from potstill.curate.pruning.reading import StepReading
from potstill.verify.faithful.conclusion import conclusion


def after_conclusion(reading: StepReading) -> set[int]:
    """Return the steps behind the one that concludes, and behind those that say its answer right after it.

    It is the first that comes to the answer when every number of the question that is ever used has been used, and
    behind which nothing is computed, up to where a step says that it goes back over what there is. So a number that
    happens to be the answer's, on the way to it, concludes nothing. A reasoning that ends elsewhere is left alone.
    """
    if conclusion(reading.told) == "wrong":
        return set()
    count = len(reading.steps)
    back = _next(reading.goes_back(place) for place in range(count))
    forward = _next(not reading.idle(place) for place in range(count))
    used = (place for place in range(count) if reading.first_given[place] and not reading.steps[place].looks_back)
    all_used = max(used, default=0)
    for place in range(all_used, count - 1):
        if reading.states_answer(place) and not reading.rejects(place + 1) and back[place + 1] <= forward[place + 1]:
            end = place + 1
            while end < count and _says_it(reading, end):
                end += 1
            return set(range(end, count))
    return set()


def _says_it(reading: StepReading, place: int) -> bool:
    """Whether a step only says the answer: `Therefore, she has 10 pens left.`"""
    return reading.idle(place) and not reading.goes_back(place) and reading.states_answer(place)


def _next(holds: Iterable[bool]) -> list[int]:
    """Return for each place the first one from it on at which something holds, the end where it never does again."""
    flags = list(holds)
    found, at = [len(flags)] * len(flags), len(flags)
    for place in reversed(range(len(flags))):
        at = place if flags[place] else at
        found[place] = at
    return found
