"""The share of computed values that lead nowhere."""

from __future__ import annotations

from potstill.verify.faithful.values import Told


def dead(told: Told) -> float | None:
    """Return the share of results that no later number equals and that are not the answer, None without any result.

    Results of steps that look back are not counted, but what they use counts as used.
    """
    found = [
        (number, abs(result)) for number, step in enumerate(told.steps) if not step.looks_back
        for result in step.results
    ]  # fmt: skip
    if not found:
        return None
    unused = 0
    for place, (number, result) in enumerate(found):
        within = any(at == number and other != result for at, other in found[place + 1 :])
        later = any(result in step.numbers for step in told.steps[number + 1 :])
        chained = within and told.steps[number].operands.count(result) > 0
        unused += not (later or chained or result == (abs(told.answer) if told.answer is not None else None))
    return unused / len(found)
