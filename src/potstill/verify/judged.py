"""What a comparison says: right, wrong or unknown, how it was reached, and what was compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from potstill.records import Cause, Opinion, Outcome

SHOWN = 400
"""Characters of an answer that a verdict keeps."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found and decided for one answer.

    `extracted` is the final answer as written, `gold_form` and `answer_form` what was compared; unknown has a `cause`.
    `in_words` says that words were compared, which may differ and mean the same. `rules` is what the rules said where a
    judge was asked, of the answer that it quoted if they can read that, and `judge` what it said.
    """

    outcome: Outcome
    cause: Cause = ""
    method: str = ""
    score: float | None = None
    extracted: str | None = None
    reason: str = ""
    gold_form: str = ""
    answer_form: str = ""
    in_words: bool = False
    rules: Outcome | Literal[""] = ""
    judge: Opinion = ""


def unknown(cause: Cause, reason: str, method: str = "", extracted: str | None = None) -> Judged:
    """Return an undecided judgement with its cause."""
    return Judged("unknown", cause, method, None, extracted, reason)


def decided(right: bool, method: str, gold_form: str = "", answer_form: str = "", reason: str = "") -> Judged:
    """Return right or wrong, by what was compared."""
    if right:
        return Judged("right", "", method, 1.0, None, reason, gold_form, answer_form)
    return Judged("wrong", "", method, 0.0, None, reason, gold_form, answer_form)
