"""The ProcessBench protocol (Zheng et al. 2024, arXiv 2412.06559): how well the first wrong step is found.

On solutions with a wrong step the prediction must name exactly the first one, on solutions without any it must name
none; F1 is the harmonic mean of the two shares, by subset and averaged over the subsets. Steps count from 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from potstill.intervals import Interval, wilson
from potstill.verify.steps.prm import first_below


@dataclass(frozen=True, slots=True)
class Located:
    """One solution: the labelled and the predicted first wrong step, None for none.

    `abstained` says that the predictor gave no judgement; its `predicted` is then not looked at.
    """

    subset: str
    label: int | None
    predicted: int | None
    abstained: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchScore:
    """Shares found with 95% intervals: of `erroneous` solutions, of `correct` ones, and their harmonic mean.

    As the protocol has it, an abstention is no hit; `abstained_erroneous` and `abstained_correct` say how many there
    were, `f1_decided` is F1 over the rest (NaN where nothing of one sort was decided). A subset that lacks one sort of
    solution has no F1 (NaN).
    """

    erroneous: Interval
    correct: Interval
    f1: Interval
    f1_decided: float
    count_erroneous: int
    count_correct: int
    abstained_erroneous: int
    abstained_correct: int


@dataclass(frozen=True, slots=True)
class ProcessBench:
    """The score of each subset, and the mean of their F1."""

    subsets: Mapping[str, BenchScore]
    average_f1: Interval


def process_bench(rows: Iterable[Located]) -> ProcessBench:
    """Score predictions against labels, a subset at a time."""
    by_subset: dict[str, list[Located]] = {}
    for row in rows:
        by_subset.setdefault(row.subset, []).append(row)
    subsets = {name: _score(found) for name, found in by_subset.items()}
    return ProcessBench(subsets, _mean([score.f1 for score in subsets.values()]))


def f1(erroneous: float, correct: float) -> float:
    """Return the harmonic mean of two shares, 0 where both are 0."""
    total = erroneous + correct
    return 2 * erroneous * correct / total if total else total


def best_threshold(scored: Sequence[tuple[int | None, Sequence[float]]]) -> float:
    """Return the threshold with the highest F1 on (label, scores of the steps) of a tuning subset.

    ProcessBench tunes it on its GSM8K part and then applies it to all. The middles between neighbouring scores are
    tried; of equal ones the lowest wins. Raises ValueError where one of the two sorts of solution is missing.
    """
    if not any(label is None for label, _ in scored) or all(label is None for label, _ in scored):
        raise ValueError("tuning a threshold needs solutions with a wrong step and solutions without")
    # A prediction changes only where the threshold passes a score below all those before it.
    values = sorted({score for _, scores in scored for score in accumulate(scores, min)})
    middles = [(low + high) / 2 if low < (low + high) / 2 else high for low, high in pairwise(values)]
    tried = [values[0], *middles, math.nextafter(values[-1], math.inf)] if values else [0.5]

    def quality(threshold: float) -> float:
        return _score([Located("", label, first_below(scores, threshold)) for label, scores in scored]).f1.value

    return max(tried, key=quality)


def _score(rows: Sequence[Located]) -> BenchScore:
    erroneous = [row for row in rows if row.label is not None]
    correct = [row for row in rows if row.label is None]
    shares = [_share(part) for part in (erroneous, correct)]
    decided = [_share([row for row in part if not row.abstained]).value for part in (erroneous, correct)]
    return BenchScore(
        erroneous=shares[0],
        correct=shares[1],
        f1=_harmonic(shares[0], shares[1]),
        f1_decided=f1(decided[0], decided[1]),
        count_erroneous=len(erroneous),
        count_correct=len(correct),
        abstained_erroneous=sum(row.abstained for row in erroneous),
        abstained_correct=sum(row.abstained for row in correct),
    )


def _share(rows: Sequence[Located]) -> Interval:
    hits = sum(not row.abstained and row.predicted == row.label for row in rows)
    return wilson(hits / len(rows) if rows else math.nan, len(rows))


def _harmonic(a: Interval, b: Interval) -> Interval:
    """Return F1 with its interval: 2/F1 = 1/a + 1/b, whose limits are recovered from those of a and b.

    Square roots of the summed squares of the distances to the limits (MOVER, Zou and Donner 2008); where a share is 0
    the outer limits of both are taken.
    """
    value = f1(a.value, b.value)
    if math.isnan(value):
        return Interval(value, 0.0, 1.0)
    if not value:
        return Interval(value, 0.0, f1(a.high, b.high))
    total = 1 / a.value + 1 / b.value
    up = math.hypot(1 / a.low - 1 / a.value, 1 / b.low - 1 / b.value)
    down = math.hypot(1 / a.value - 1 / a.high, 1 / b.value - 1 / b.high)
    return Interval(value, min(value, 2 / (total + up)), max(value, min(1.0, 2 / (total - down))))


def _mean(scores: Sequence[Interval]) -> Interval:
    """Return the mean of independent estimates with its interval (MOVER)."""
    if not scores or any(math.isnan(score.value) for score in scores):
        return Interval(math.nan, 0.0, 1.0)
    count = len(scores)
    value = math.fsum(score.value for score in scores) / count
    low = value - math.hypot(*(score.value - score.low for score in scores)) / count
    high = value + math.hypot(*(score.high - score.value for score in scores)) / count
    return Interval(value, max(0.0, low), min(1.0, high))
