"""The verdict of the recipe's checks: 1 for right, 0 for everything else that the student did."""

from __future__ import annotations

from collections.abc import Sequence

from potstill import recipe
from potstill.records import UNSCORED, Verdict
from potstill.train.rewards import Answered, RewardContext, TermReward


def reward_of(verdict: Verdict) -> float | None:
    """Return 1 for right, 0 for everything else that the student did, None where the reason lies outside it.

    The rule is that of accuracy: an answer that is cut off, missing or ambiguous is not solved.
    """
    if verdict.outcome == "right":
        return 1.0
    return None if verdict.cause in UNSCORED else 0.0


def verdict(answers: Sequence[Answered], term: recipe.RewardTerm, asked: RewardContext) -> list[TermReward]:
    """Reward what the checks say: by rules, own checkers, tests of code, a judge."""
    del term, asked
    return [reward_of(one.verdict) for one in answers]
