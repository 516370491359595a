"""Rewards of groups -> what each rollout's tokens count in the loss of a policy. Pure, exact, without torch.

A group are the rollouts of one problem. What a rollout is worth is told against the others of its group:

    mean            A = r - mean                              (Dr. GRPO, Liu et al. 2025, arXiv 2503.20783)
    std             A = (r - mean) / (std + 1e-4)             (GRPO, Shao et al. 2024, arXiv 2402.03300; std over n - 1)
    leave_one_out   A = r - mean of the others                (RLOO, Ahmadian et al. 2024, arXiv 2402.14740)
    maxrl           A = (r - mean) / mean                     (MaxRL, arXiv 2602.02710)

and the loss is L = sum over tokens of k l, with l = -log p of the token drawn and

    tokens          k = A / tokens of all live rollouts of the step               (DAPO, arXiv 2503.14476)
    constant        k = A / (live rollouts x most tokens of one)                  (Dr. GRPO)
    prompts         k = A / (tokens of the group's live rollouts x live groups)   (ScaleRL, arXiv 2510.13786)

A rollout whose reward is unknown is left out. A group whose known rewards are all equal, by exact comparison, says
nothing: it is dead, and counts in no denominator. A standard deviation would not tell: equal floats give one of 1e-9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Advantage = Literal["mean", "std", "leave_one_out", "maxrl"]
Denominator = Literal["tokens", "constant", "prompts"]
STD_EPSILON = 1e-4
"""As TRL 1.16 and verl have it."""


def is_dead(rewards: Sequence[float | None]) -> bool:
    """Return whether a group teaches nothing: fewer than two known rewards, or all of them equal."""
    return len({reward for reward in rewards if reward is not None}) < 2


def advantages(rewards: Sequence[float | None], kind: Advantage) -> list[float | None]:
    """Return the advantage of each rollout of a group; None where it takes no part: unknown, or its group is dead."""
    known = [reward for reward in rewards if reward is not None]
    if is_dead(rewards):
        return [None] * len(rewards)
    count, mean = len(known), math.fsum(known) / len(known)
    if kind == "std":
        scale = 1 / (math.sqrt(math.fsum((r - mean) ** 2 for r in known) / (count - 1)) + STD_EPSILON)
    elif kind == "leave_one_out":
        scale = count / (count - 1)  # r - (sum - r) / (n - 1)
    elif kind == "maxrl":
        if not mean > 0:
            raise ValueError("maxrl divides by the mean reward, which is not above 0")
        scale = 1 / mean
    else:
        scale = 1.0
    return [None if reward is None else (reward - mean) * scale for reward in rewards]


def coefficients(
    groups: Sequence[Sequence[float | None]], lengths: Sequence[Sequence[int]], denominator: Denominator, most: int
) -> list[list[float | None]]:
    """Return k of each token of each rollout, None where the rollout takes no part.

    `groups` are advantages, `lengths` the tokens that each rollout wrote, EOS included, `most` how many it may write;
    all groups of the optimiser step have to be here, for the denominator is that of the whole step.
    """
    live = [
        [length for value, length in zip(group, sizes, strict=True) if value is not None]
        for group, sizes in zip(groups, lengths, strict=True)
    ]
    below = divisors(live, denominator, most)
    return [
        [None if value is None else value / divisor for value in group]
        for group, divisor in zip(groups, below, strict=True)
    ]


def divisors(live: Sequence[Sequence[int]], denominator: Denominator, most: int) -> list[int]:
    """Return what the advantages of each group are divided by; `live` are the tokens of its rollouts that take part."""
    if denominator == "prompts":
        told = sum(1 for sizes in live if sizes)
        return [sum(sizes) * told for sizes in live]
    return [sum(map(sum, live)) if denominator == "tokens" else most * sum(map(len, live))] * len(live)
