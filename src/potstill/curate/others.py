"""Whose reasoning stands before an answer where it is not its own: that of another problem, as a control. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from potstill.errors import DataError


def others(problems: Sequence[str]) -> list[int]:
    """Return for each example the number of the next one, round and round, that is of another problem.

    Each is taken once where every problem has one example. Raises DataError where all are of one problem.
    """
    found = [0] * len(problems)
    following = next((at for at, problem in enumerate(problems) if problem != problems[-1]), None) if problems else 0
    if following is None:
        raise DataError("curate.reasoning: another wants examples of two problems or more: here all are of one")
    for at in reversed(range(len(problems))):
        # The one behind it, if that is of another problem; else the one that was found for that one, of the same.
        if at + 1 < len(problems) and problems[at + 1] != problems[at]:
            following = at + 1
        found[at] = following
    return found
