"""How good a reward model is: whether it finds the first wrong step, and whether its scores are shares of right ones.

`minima_last` is the share of solutions, of those with several steps, whose lowest score stands at the last one: a
process model that is an outcome model in disguise has it there (Zhang et al. 2025, arXiv 2501.07301).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from potstill.evaluate.process_bench import BenchScore, Located, best_threshold, process_bench
from potstill.records import content_key
from potstill.verify.steps.prm import first_below

BINS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessed:
    """One labelled solution with its scores: one of each for a step; None where there is none."""

    solution: str
    shares: tuple[float | None, ...]
    scores: tuple[float, ...] | None

    @property
    def labelled(self) -> bool:
        """Whether anything is known of it."""
        return any(share is not None for share in self.shares)

    @property
    def first_wrong(self) -> int | None:
        """The first step that is surely wrong (by rollouts: of which no continuation came right), None for none."""
        return next((number for number, share in enumerate(self.shares) if share == 0), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tenth:
    """Labelled steps whose scores lie in one tenth: how many, their mean score, and their mean label."""

    count: int
    score: float
    share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What a scorer's scores are worth on labelled solutions.

    `at_half` reads a score below 0.5 as wrong; `tuned` one below `threshold`, the best of half of the solutions, on the
    other half (None where a half lacks one sort of solution). `brier` is the mean squared distance of scores and
    labels, `error` the expected calibration error over ten equal bins of the scores.
    """

    solutions: int
    unscored: int
    steps: int
    at_half: BenchScore
    threshold: float | None
    tuned: BenchScore | None
    brier: float
    error: float
    bins: tuple[Tenth, ...]
    minima_last: float


def assess(rows: Sequence[Assessed]) -> Assessment:
    """Compare scores with labels; solutions of which nothing is known are left out."""
    known = [row for row in rows if row.labelled]
    scored = [row for row in known if row.scores is not None]
    pairs = [
        (score, share)
        for row in scored for score, share in zip(row.scores or (), row.shares, strict=True) if share is not None
    ]  # fmt: skip
    bins = _bins(pairs)
    total = len(pairs) or math.nan
    several = [row.scores for row in scored if row.scores is not None and len(row.scores) > 1]
    last = sum(min(scores[:-1]) > scores[-1] for scores in several)
    threshold, tuned = _tuned(known)
    return Assessment(
        solutions=len(known), unscored=len(known) - len(scored), steps=len(pairs),
        at_half=_bench(known, 0.5), threshold=threshold, tuned=tuned,
        brier=math.fsum((score - share) ** 2 for score, share in pairs) / total,
        error=math.fsum(one.count * abs(one.score - one.share) for one in bins) / total,
        bins=bins, minima_last=last / len(several) if several else math.nan,
    )  # fmt: skip


def _bench(rows: Sequence[Assessed], threshold: float) -> BenchScore:
    located = [
        Located("", row.first_wrong, None, abstained=True)
        if row.scores is None
        else Located("", row.first_wrong, first_below(row.scores, threshold))
        for row in rows
    ]
    return process_bench(located).subsets[""] if located else process_bench([Located("", None, None)]).subsets[""]


def _tuned(rows: Sequence[Assessed]) -> tuple[float | None, BenchScore | None]:
    """Return the best threshold of one half of the solutions, and what it does on the other."""
    halves: tuple[list[Assessed], list[Assessed]] = ([], [])
    for row in rows:
        halves[int(content_key("half", row.solution)[:8], 16) % 2].append(row)
    for half in halves:
        if len({row.first_wrong is None for row in half}) < 2:
            return None, None
    tuning = [(row.first_wrong, row.scores) for row in halves[0] if row.scores is not None]
    if len({first is None for first, _ in tuning}) < 2:
        return None, None
    threshold = best_threshold(tuning)
    return threshold, _bench(halves[1], threshold)


def _bins(pairs: Sequence[tuple[float, float]]) -> tuple[Tenth, ...]:
    found: list[list[tuple[float, float]]] = [[] for _ in range(BINS)]
    for score, share in pairs:
        found[min(BINS - 1, int(score * BINS))].append((score, share))
    return tuple(
        Tenth(
            count=len(part), score=math.fsum(score for score, _ in part) / len(part),
            share=math.fsum(share for _, share in part) / len(part),
        )
        for part in found if part
    )  # fmt: skip
