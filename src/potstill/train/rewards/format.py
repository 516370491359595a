"""The form of an answer: reasoning, closed once by the student's own mark, then an answer that ends by itself."""

from __future__ import annotations

from collections.abc import Sequence

from potstill import recipe
from potstill.train.rewards import Answered, RewardContext, TermReward


def form(answers: Sequence[Answered], term: recipe.RewardTerm, asked: RewardContext) -> list[TermReward]:
    """Reward with 1 what has the form, with 0 all else; whether it is right is nothing to it."""
    del term
    opening, closing = asked.student.reasoning_open.strip(), asked.student.reasoning_close.strip()

    def formed(one: Answered) -> bool:
        marks = one.written.count(closing) == 1 and (not opening or one.written.count(opening) <= 1)
        return marks and one.trace.finish == "stop" and bool(one.trace.reasoning) and bool(one.trace.answer)

    return [float(formed(one)) for one in answers]
