"""Several responses of a student to one problem and a reward model: best-of-n and weighted votes, beside the majority.

As with `majority_at_k`, a problem's scored samples are cut into consecutive blocks of n, which are averaged; a rest
that is shorter is left out. In each block the response of the highest score is taken: one without a score (cut off, or
longer than the model reads) is never taken before one with a score, and of equal scores each counts alike.

In a weighted vote each response votes for its answer with its score, so that an answer that many responses came to is
not lost to one response that the model likes (Wang et al. 2024, arXiv 2312.08935, section 4.3). One without a score has
no weight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from potstill.evaluate.metrics import (
    blocks_of,
    majority_share,
    mean_of_problems,
    mean_pass_at_k,
    solved,
    voted_share,
)
from potstill.evaluate.statistics import Paired, paired
from potstill.intervals import Interval
from potstill.records import Measure

Scores = Mapping[tuple[str, int], float | None]
"""(problem, sample) -> what the reward model gave the response."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BestOf:
    """Accuracies with 95% intervals of n responses a problem.

    `difference` is best minus majority on the same ones, `weighted_difference` the weighted vote minus majority.
    """

    n: int
    passed: Interval
    majority: Interval
    best: Interval
    weighted: Interval
    difference: Paired
    weighted_difference: Paired


def best_of(measures: Sequence[Measure], scores: Scores, most: int) -> list[BestOf]:
    """Return best-of-n for every power of two up to `most`, and for `most`."""
    sizes = sorted({most, *(2**power for power in range(1, most.bit_length()) if 2**power <= most)})
    return [_of(measures, scores, size) for size in sizes]


def _of(measures: Sequence[Measure], scores: Scores, n: int) -> BestOf:
    blocks = blocks_of(measures, n)

    def weight(measure: Measure) -> float:
        return scores.get((measure.problem_key, measure.sample)) or 0.0

    best = {key: _mean([_best(block, scores) for block in its]) for key, its in blocks.items()}
    weighted = {key: _mean([voted_share(block, weight) for block in its]) for key, its in blocks.items()}
    majority = {key: _mean([majority_share(block) for block in its]) for key, its in blocks.items()}
    number = sum(map(len, blocks.values()))
    keys = sorted(blocks)
    usual = [majority[key] for key in keys]
    return BestOf(
        n=n, passed=mean_pass_at_k(measures, n), majority=mean_of_problems(majority, number),
        best=mean_of_problems(best, number), weighted=mean_of_problems(weighted, number),
        difference=paired([best[key] for key in keys], usual),
        weighted_difference=paired([weighted[key] for key in keys], usual),
    )  # fmt: skip


def _best(block: Sequence[Measure], scores: Scores) -> Fraction:
    def value(measure: Measure) -> float:
        found = scores.get((measure.problem_key, measure.sample))
        return -math.inf if found is None else found

    highest = max(map(value, block))
    taken = [solved(measure) is True for measure in block if value(measure) == highest]
    return Fraction(sum(taken), len(taken))


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)
