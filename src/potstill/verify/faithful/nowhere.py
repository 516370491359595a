"""Numbers in the step that gives the answer which come from nowhere."""

from __future__ import annotations

from fractions import Fraction

from potstill.verify.faithful.values import Told

USUAL = frozenset(map(Fraction, (*range(11), 12, 14, 21, 24, 28, 30, 31, 52, 60, 90, 100, 180, 360, 365, 1000)))
"""Numbers that anybody may bring along: small ones, and those of clocks, calendars, angles and percentages."""


def nowhere(told: Told) -> int | None:
    """Return how many operands of the answer's step stand neither in the question nor before; None without such a step.

    The answer's step is the last one that goes forward and computes.
    """
    place = next((n for n in range(len(told.steps) - 1, -1, -1)
                  if told.steps[n].results and not told.steps[n].looks_back), None)  # fmt: skip
    if place is None:
        return None
    step = told.steps[place]
    known = set(told.given) | USUAL | {abs(result) for result in step.results}
    for before in told.steps[:place]:
        known |= before.numbers
    return len({abs(operand) for operand in step.operands} - known)
