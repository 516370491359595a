"""The share of steps that hold, of those whose arithmetic can be recomputed."""

from __future__ import annotations

from potstill.verify.faithful.values import Told
from potstill.verify.steps.arithmetic import check_steps


def valid(told: Told) -> float | None:
    """Return the share of right steps among right and wrong ones, None where none can be recomputed."""
    outcomes = [step.outcome for step in check_steps([step.text for step in told.steps]).steps]
    decided = [outcome for outcome in outcomes if outcome != "unknown"]
    return decided.count("right") / len(decided) if decided else None
