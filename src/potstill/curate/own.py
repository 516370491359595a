"""Filter by a function of the user's, which is handed in: what calls it is `pipeline.own_filter`."""

from __future__ import annotations

from potstill.curate.filters import Candidate

LONGEST = 60
"""Characters of a reason, so that reasons can be counted."""


def own(case: Candidate) -> str | None:
    """Drop traces for which the function `curate.filter` returns a reason."""
    if case.own is None or case.problem is None:
        return None
    said = " ".join(case.own(case.problem, case.trace).split())[:LONGEST]
    return f"curate.filter: {said}" if said else None
