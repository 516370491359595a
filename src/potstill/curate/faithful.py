"""Filter by what a trace's text says of its reasoning: poisoned traces have a right answer behind wrong steps."""

from __future__ import annotations

from potstill.curate.filters import Candidate
from potstill.records import Reason
from potstill.verify.faithful import faith_of


def unfaithful(case: Candidate) -> str | None:
    """Drop traces whose reasoning does not carry their answer, as `curate.faithful` says; unknown is kept."""
    asked = case.settings.faithful
    if asked is None or case.problem is None:
        return None
    found = faith_of(case.problem, case.trace)
    if asked.conclusion and found.conclusion == "wrong":
        return Reason.OTHER_CONCLUSION
    if asked.valid is not None and found.valid is not None and found.valid < asked.valid:
        return Reason.WRONG_ARITHMETIC
    if asked.dead is not None and found.dead is not None and found.dead > asked.dead:
        return Reason.DEAD_STEPS
    if asked.nowhere is not None and found.nowhere is not None and found.nowhere > asked.nowhere:
        return Reason.FROM_NOWHERE
    return None
