"""Everything after the conclusion: what only checks, doubts and says again once the answer is there."""

from __future__ import annotations

from potstill.curate.pruning.reading import StepReading
from potstill.verify.faithful.conclusion import conclusion

ENDING = 2
"""Steps at the end of which one has to come to the answer."""


def after_conclusion(reading: StepReading) -> set[int]:
    """Return the steps from the one that first goes back over a settled answer to the end.

    An answer is settled by `The answer is 12.`, or where a step computes it and every number of the question that is
    ever used has been used; after a mere computation the text has to go back to check, as a doubt may go on to what is
    asked for. Where an answer is only named, as one in words, all that goes has to be a check: no doubt, no guess, no
    question, no other way. Between the two nothing new stands. Where a text says that its question wants something
    it stays. A reasoning that ends elsewhere is left alone.
    """
    count = len(reading.steps)
    if conclusion(reading.told) == "wrong" and not any(map(reading.says_answer, range(max(0, count - ENDING), count))):
        return set()
    wanting = max((at for at in range(count) if reading.finds_wanting(at)), default=0)
    for place in range(wanting, count - 1):
        if not reading.states_answer(place) or reading.open(place) or reading.goes_back(place):
            continue
        end = _end(reading, place)
        if end is not None and (reading.concludes(place) or _settled(reading, place, end)):
            return set(range(end, count))
    return set()


def _end(reading: StepReading, place: int) -> int | None:
    """Return the first step behind one that goes back, where nothing new, taken back or open stands between."""
    for end in range(place + 1, len(reading.steps)):
        if reading.goes_back(end):
            return None if reading.rejects(end) else end
        if not reading.idle(end):
            return None
    return None


def _settled(reading: StepReading, place: int, end: int) -> bool:
    if place < reading.all_used:
        return False
    checked = any(map(reading.checks, range(end, min(end + ENDING, len(reading.steps)))))  # `Wait. Let me check.`
    if reading.computes_answer(place) and (checked or any(map(reading.says_answer, range(place, end)))):
        return True
    return reading.checks(end) and not any(map(reading.turns, range(end, len(reading.steps))))
