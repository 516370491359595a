"""Scores of steps -> what each step is worth beside the other answers to its problem. Pure, exact, without torch.

With v the scores of an answer's steps, of which some are unknown, and b a baseline of the whole group:

    min        A_s = min of v from step s on - b,      b the mean of the answers' lowest scores
    progress   A_s = v_s - v of the known step before, before the first b: the mean of the last scores
    sum        A_s = sum of v from step s on - b,      b the mean of the answers' sums

`min` after PURE (arXiv 2504.15275), where a sum, which long answers win by, collapses. `progress` telescopes: an
answer's steps have its last score less b in all, however many they are, as values of states have it (VinePPO, arXiv
2410.01679). A step of unknown score has 0. A group whose known values are all equal, by exact comparison, says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Form = Literal["min", "progress", "sum"]
Scores = Sequence[float | None]


def step_advantages(answers: Sequence[Scores | None], form: Form) -> list[list[float] | None]:
    """Return A of each step of each answer of a group; None for answers that take no part, all None in a dead group."""
    known = [[score for score in scores if score is not None] for scores in answers if scores is not None]
    told = [scores for scores in known if scores]
    if len(told) < 2 or len({value for scores in told for value in _returns(scores, form)}) < 2:
        return [None] * len(answers)
    base = math.fsum(whole(scores, form) for scores in told) / len(told)
    return [None if scores is None else _advantages(scores, base, form) for scores in answers]


def whole(scores: Sequence[float], form: Form) -> float:
    """Return what an answer with these known scores comes to: their lowest, the last, or the sum."""
    return min(scores) if form == "min" else scores[-1] if form == "progress" else math.fsum(scores)


def _returns(scores: Sequence[float], form: Form) -> list[float]:
    """Return what each step has before the baseline: the lowest or the sum from it on, or its score."""
    if form == "progress":
        return list(scores)
    found: list[float] = []
    for score in reversed(scores):
        found.append(score if not found else min(score, found[-1]) if form == "min" else score + found[-1])
    return found[::-1]


def _advantages(scores: Scores, base: float, form: Form) -> list[float]:
    returns = iter(_returns([score for score in scores if score is not None], form))
    found, before = [], base
    for score in scores:
        value = 0.0 if score is None else next(returns) - before
        found.append(value)
        if form == "progress" and score is not None:
            before = score
    return found
