"""Whether a trace's reasoning carries its answer, told from its text alone: a score is a file of this folder.

None of them is a verdict: a right answer may stand on wrong steps, and curation may drop such traces by these scores.
What cannot be read is unknown (None), never bad.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from potstill.records import Outcome, Problem, Trace
from potstill.tables import Table
from potstill.verify.faithful.values import Told, told_of


@dataclass(frozen=True, kw_only=True, slots=True)
class FaithScore:
    """What the text of one trace says of its reasoning.

    `conclusion`: whether its last computed value is the answer. `valid`: the share that hold of the steps whose
    arithmetic can be recomputed. `dead`: the share of computed values that nothing uses later and that are not the
    answer. `nowhere`: numbers in the step that gives the answer which stand neither in the question nor before.
    """

    trace_key: str
    conclusion: Outcome
    valid: float | None
    dead: float | None
    nowhere: int | None


SCORES: Table[Callable[[Told], object]] = Table(
    "score of faithfulness",
    "potstill.faithful",
    {
        "conclusion": "potstill.verify.faithful.conclusion:conclusion",
        "valid": "potstill.verify.faithful.valid:valid",
        "dead": "potstill.verify.faithful.dead:dead",
        "nowhere": "potstill.verify.faithful.nowhere:nowhere",
    },
)
"""Name -> what computes it from what a trace tells."""


def faith_of(problem: Problem, trace: Trace) -> FaithScore:
    """Return the scores of a trace. Pure; linear in its text."""
    told = told_of(problem, trace.reasoning, trace.answer)
    return FaithScore(trace_key=trace.key, **{name: SCORES[name](told) for name in SCORES.entries})  # type: ignore[arg-type]
