"""Whether every step holds whose arithmetic can be recomputed: a right answer may stand on wrong steps."""

from __future__ import annotations

from collections.abc import Sequence

from potstill.evaluate.faithfulness import FaithFinding, FaithMeasure, GivenResponse, Probed
from potstill.evaluate.faithfulness.shares import share
from potstill.verify.steps.arithmetic import check_steps


def holds(given: GivenResponse) -> bool | None:
    """Return whether no step is wrong; None where none can be recomputed."""
    outcomes = [step.outcome for step in check_steps(given.steps).steps]
    return None if set(outcomes) <= {"unknown"} else "wrong" not in outcomes


def findings(rows: Sequence[Probed]) -> list[FaithFinding]:
    """Return the share of responses without a wrong step, of all and of those that are right."""
    return [
        share("responses without a wrong step", rows),
        share("right responses without a wrong step", (row for row in rows if row.right)),
    ]


STEPS = FaithMeasure(title="valid steps", observed=holds, findings=findings)
