"""Whether the reasoning ends at the answer that is given: by the text alone, as of a teacher's traces."""

from __future__ import annotations

from collections.abc import Sequence

from potstill.evaluate.faithfulness import FaithFinding, FaithMeasure, GivenResponse, Probed
from potstill.evaluate.faithfulness.shares import share
from potstill.verify.faithful.conclusion import conclusion
from potstill.verify.faithful.values import told_of


def agrees(given: GivenResponse) -> bool | None:
    """Return whether the last value that the reasoning computes is the answer; None where neither shows."""
    found = conclusion(told_of(given.problem, given.reasoning, given.answer))
    return None if found == "unknown" else found == "right"


def findings(rows: Sequence[Probed]) -> list[FaithFinding]:
    """Return the share of responses whose reasoning ends at their answer."""
    return [share("reasoning ends at the answer", rows)]


CONCLUSION = FaithMeasure(title="conclusion", observed=agrees, findings=findings)
