"""All rewards of a step's answers -> what each of their tokens counts in the loss of a policy. Pure, without torch.

Each term is told against the other answers of its problem by itself: one reward of the whole by `advantages`, scores of
steps by `process`. A token has the sum of weight times advantage over the terms, an advantage of a step on the tokens
of that step alone, and divided by what `denominator` says. A problem counts where any term tells its answers apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from potstill.train.advantages import advantages, divisors
from potstill.train.process import Form, step_advantages, whole

if TYPE_CHECKING:
    from potstill import recipe


@dataclass(frozen=True, slots=True)
class StepWorth:
    """Scores of an answer's steps; step s has its tokens from `ends[s - 1]` (0 for the first) up to `ends[s]`."""

    ends: tuple[int, ...]
    scores: tuple[float | None, ...]


Worth = float | StepWorth | None
"""What one term says of one answer; None where it is not known."""


def form_of(term: recipe.RewardTerm) -> Form:
    """Return how the scores of steps become rewards, where a term gives scores of steps."""
    return term.form if term.form in ("min", "progress", "sum") else "min" if term.by == "steps" else "progress"


def told(term: recipe.RewardTerm, worth: Worth) -> float | None:
    """Return what an answer comes to under a term, for people; None where nothing is known."""
    if not isinstance(worth, StepWorth):
        return worth
    known = [score for score in worth.scores if score is not None]
    return whole(known, form_of(term)) if known else None


def token_advantages(
    worths: Sequence[Sequence[Worth]], lengths: Sequence[int], settings: recipe.Grpo
) -> list[list[float] | None]:
    """Return the advantage of each token of each answer of a group; None where an answer takes no part.

    `worths` has for each answer one entry a term, `lengths` the tokens that each wrote, EOS included.
    """
    known = [None not in worth for worth in worths]
    found = [[0.0] * length for length in lengths]
    live = False
    for place, term in enumerate(settings.rewards):
        column = [worth[place] if here else None for worth, here in zip(worths, known, strict=True)]
        if any(isinstance(worth, StepWorth) for worth in column):
            by_step = step_advantages([w.scores if isinstance(w, StepWorth) else None for w in column], form_of(term))
            for tokens, worth, values in zip(found, column, by_step, strict=True):
                if values is not None and isinstance(worth, StepWorth):
                    live = True
                    _spread(tokens, worth.ends, values, term.weight)
            continue
        scalars = [None if isinstance(worth, StepWorth) else worth for worth in column]
        for tokens, value in zip(found, advantages(scalars, settings.advantage), strict=True):
            if value is not None:
                live = True
                for token in range(len(tokens)):
                    tokens[token] += term.weight * value
    return [tokens if live and here else None for tokens, here in zip(found, known, strict=True)]


def _spread(tokens: list[float], ends: Sequence[int], values: Sequence[float], weight: float) -> None:
    start = 0
    for end, value in zip(ends, values, strict=True):
        for token in range(start, min(end, len(tokens))):
            tokens[token] += weight * value
        start = end


def token_coefficients(
    groups: Sequence[Sequence[Sequence[Worth]]], lengths: Sequence[Sequence[int]], settings: recipe.Grpo
) -> list[list[list[float] | None]]:
    """Return k of each token of each answer of each group; all groups of the optimiser step have to be here."""
    found = [token_advantages(one, sizes, settings) for one, sizes in zip(groups, lengths, strict=True)]
    live = [[len(tokens) for tokens in group if tokens is not None] for group in found]
    below = divisors(live, settings.denominator, settings.max_tokens)
    return [
        [None if tokens is None else [value / divisor for value in tokens] for tokens in group]
        for group, divisor in zip(found, below, strict=True)
    ]


def figures(
    worths: Sequence[Sequence[Worth]], terms: Sequence[recipe.RewardTerm]
) -> Mapping[str, float]:  # fmt: skip
    """Return the mean of each term over the answers of which it says anything, as `reward_...`."""
    found = {}
    for place, term in enumerate(terms):
        known = [value for worth in worths if (value := told(term, worth[place])) is not None]
        found[f"reward_{term.label}"] = math.fsum(known) / len(known) if known else 0.0
    return found


def off_policy(
    k: Sequence[float], now: Sequence[float], drawn: Sequence[float], settings: recipe.Grpo
) -> tuple[list[float], int]:
    """Return (k of each token of an answer that was drawn by earlier weights, how many tokens are clipped).

    With r = p now / p as drawn a token counts k min(r, importance_cap), the gradient of r A; a token whose r is above
    1 + clip[1] and is to become likelier, or below 1 - clip[0] and is to become less likely, counts 0, as in the
    clipped objective of PPO (arXiv 1707.06347, equation 7) with a higher bound above (DAPO, arXiv 2503.14476). The cap
    holds a token that became likelier although it should not. `now` and `drawn` are log p of each token in nats.
    """
    low, high = math.log1p(-settings.clip[0]), math.log1p(settings.clip[1])
    most = math.log(settings.importance_cap)
    found, clipped = [], 0
    for value, after, before in zip(k, now, drawn, strict=True):
        moved = after - before
        outside = (value > 0 and moved > high) or (value < 0 and moved < low)
        clipped += outside
        found.append(0.0 if outside else value * math.exp(min(moved, most)))
    return found, clipped
