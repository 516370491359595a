"""What a comparison says: right, wrong or unknown, how it was reached, and what was compared."""

from __future__ import annotations

from dataclasses import dataclass

from potstill.records import Cause, Outcome

SHOWN = 400
"""Characters of an answer that a verdict keeps."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found and decided for one answer.

    `extracted` is the final answer as written, `gold_form` and `answer_form` what was compared; unknown has a `cause`.
    """

    outcome: Outcome
    cause: Cause = ""
    method: str = ""
    score: float | None = None
    extracted: str | None = None
    reason: str = ""
    gold_form: str = ""
    answer_form: str = ""


def unknown(cause: Cause, reason: str, method: str = "", extracted: str | None = None) -> Judged:
    """Return an undecided judgement with its cause."""
    return Judged("unknown", cause, method, None, extracted, reason)


def decided(right: bool, method: str, gold_form: str = "", answer_form: str = "", reason: str = "") -> Judged:
    """Return right or wrong, by what was compared."""
    if right:
        return Judged("right", "", method, 1.0, None, reason, gold_form, answer_form)
    return Judged("wrong", "", method, 0.0, None, reason, gold_form, answer_form)
