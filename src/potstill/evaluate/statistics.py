"""Intervals and paired tests over problems, and over seeds then problems, with the standard library alone.

The unit is always the problem: several samples of one problem are one cluster, never several observations
(Miller 2024, "Adding Error Bars to Evals"). Where a training was repeated with several seeds, the seed is a unit above.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from potstill.intervals import Interval, Z, wilson

PRIOR = 0.25
"""Weight of the assumption that samples of one problem agree, in squared shares. Without it the interval held the
truth in 82-92% of simulations with 10 to 30 problems and a mean of 3-10%; with it in 94-98% (test_statistics.py)."""
EXACT_WORK = 4_000_000
"""Additions that the exact sign-flip test may take (about a second); beyond it the test draws signs at random."""
DRAWS = 20_000
DRAW_SEED = 20_240_731
Z_POWER = 0.8416212335729143
"""The 80% quantile of the normal distribution."""
RESAMPLES, RESAMPLE_WORK = 2_000, 4_000_000
"""Draws of the two-level bootstrap; where they would draw more problems than that, fewer, but at least a quarter."""

Shares = Mapping[str, Fraction]
"""Problem key -> share of its samples that are solved, of one student with one seed."""
Conclusion = Literal["different", "equivalent", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedSeeds:
    """Two students over the same seeds: `interval` is a minus b in share solved, `by_seed` the same for each seed.

    `problems` counts pairs of a seed and a problem, `better` and `worse` those where a did better and worse.
    """

    interval: Interval
    by_seed: tuple[float, ...]
    problems: int
    better: int
    worse: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Paired:
    """Two students on the same problems: `difference` is a minus b in share solved, with its 95% interval.

    `better` and `worse` count the problems where a did better and worse; `p` is two-sided; `test` names the test.
    """

    problems: int
    difference: float
    low: float
    high: float
    better: int
    worse: int
    p: float
    test: str


def clustered(rates: Sequence[float], samples: int) -> Interval:
    """Return the mean of per-problem rates with a 95% interval clustered by problem.

    `rates`: one share in [0, 1] for each problem; `samples`: responses in all. This is Wilson's interval with an
    effective sample size in place of the count (as Korn and Graubard 1998 do with Clopper-Pearson's): `problems` over
    the correlation of samples within a problem, at most `samples`. So it never collapses; at 0% or 100% and with one
    sample a problem it is Wilson's interval over the problems. With several samples the correlation is itself
    estimated: Student's t and `PRIOR` take that into account.
    """
    problems = len(rates)
    if problems == 0:
        return Interval(math.nan, 0.0, 1.0)
    value = math.fsum(rates) / problems
    if samples <= problems or problems == 1 or value in (0.0, 1.0):
        return wilson(value, problems)
    squares = math.fsum((rate - value) ** 2 for rate in rates)
    correlation = (squares + PRIOR) / (problems * value * (1 - value) + PRIOR)
    size = min(float(samples), problems / correlation)
    return wilson(value, size * (Z / student_t(problems - 1)) ** 2)


def student_t(freedom: int) -> float:
    """Return the 97.5% quantile of Student's t with `freedom` >= 1 degrees of freedom (within 0.2%).

    Closed forms for one and two degrees, else the series in Abramowitz and Stegun 26.7.5.
    """
    if freedom == 1:
        return math.tan(math.pi * 0.475)
    if freedom == 2:
        return 0.95 * math.sqrt(2 / (1 - 0.95**2))
    z: float = Z
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(freedom) ** (power + 1) for power, term in enumerate(terms))


def paired(a: Sequence[Fraction], b: Sequence[Fraction]) -> Paired:
    """Compare two students problem by problem; `a[i]` and `b[i]` are the shares solved of the same problem.

    The test flips the sign of each problem's difference (Fisher's randomisation test). Where all shares are 0 or 1
    it is the exact McNemar test. It is exact up to `EXACT_WORK`, beyond that it draws `DRAWS` sign vectors with a
    fixed seed and counts the observed one among them. The interval adds one problem to each side (Bonett and Price
    2012), which keeps it open where all differences agree.
    """
    differences = [x - y for x, y in zip(a, b, strict=True)]
    if not differences:
        return Paired(problems=0, difference=math.nan, low=-1.0, high=1.0, better=0, worse=0, p=1.0, test="none")
    p, test = sign_flip(differences)
    if all(share in (0, 1) for share in (*a, *b)):
        test = test.replace("sign-flip", "McNemar")
    interval = _open_ended(differences)
    return Paired(
        problems=len(differences),
        difference=interval.value,
        low=interval.low,
        high=interval.high,
        better=sum(d > 0 for d in differences),
        worse=sum(d < 0 for d in differences),
        p=p,
        test=test,
    )


def _open_ended(differences: Sequence[Fraction]) -> Interval:
    """Return the mean difference with its 95% interval after one problem is added to each side."""
    problems = len(differences)
    size = problems + 2
    centre = float(sum(differences)) / size
    square = (math.fsum(float(d) ** 2 for d in differences) + 2) / size
    spread = Z * math.sqrt(max(0.0, square - centre**2) / size)
    value = float(sum(differences) / problems)
    return Interval(value, max(-1.0, min(value, centre - spread)), min(1.0, max(value, centre + spread)))


def sign_flip(differences: Sequence[Fraction]) -> tuple[float, str]:
    """Return the two-sided p-value of the sign-flip test of zero mean difference, and the name of the test used."""
    scale = math.lcm(*(d.denominator for d in differences))
    steps = sorted(abs(int(d * scale)) for d in differences if d)
    observed = abs(int(sum(differences) * scale))
    if not steps or not observed:
        return 1.0, "exact sign-flip"
    divisor = math.gcd(*steps)
    steps, observed = [step // divisor for step in steps], observed // divisor
    if sum(steps) * len(steps) <= EXACT_WORK:
        return _exact(steps, observed), "exact sign-flip"
    draw = random.Random(DRAW_SEED)
    total = sum(steps)
    extreme = 0
    for _ in range(DRAWS):
        bits = draw.getrandbits(len(steps))
        positive = sum(step for index, step in enumerate(steps) if bits >> index & 1)
        extreme += abs(2 * positive - total) >= observed
    return (extreme + 1) / (DRAWS + 1), f"sign-flip, {DRAWS:,} draws"


def _exact(steps: Sequence[int], observed: int) -> float:
    """Count the sign vectors whose sum is at least as far from zero; integers throughout, so no tail is lost."""
    # ways[s]: how many subsets of the steps so far add up to s; such a subset taken positive gives the sum 2s - total.
    ways = [1]
    for step in steps:
        ways.extend([0] * step)
        for s in range(len(ways) - 1, step - 1, -1):
            ways[s] += ways[s - step]
    total = sum(steps)
    extreme = sum(count for s, count in enumerate(ways) if abs(2 * s - total) >= observed)
    return float(Fraction(extreme, 2 ** len(steps)))


def needed(differences: Sequence[Fraction], sought: float) -> int:
    """Return how many problems show a true mean difference `sought` at the 5% level with a chance of 80%.

    `differences`: of two students, problem by problem. n = ((z_.975 + z_.8) s / sought)^2 with s their standard
    deviation (Miller 2024, "Adding Error Bars to Evals", section 5), one problem added to each side as in `paired`.
    """
    return math.ceil(((Z + Z_POWER) * _spread(differences) / sought) ** 2)


def shown_by(differences: Sequence[Fraction]) -> float:
    """Return the least true mean difference that so many problems show with a chance of 80%; see `needed`."""
    return min(1.0, (Z + Z_POWER) * _spread(differences) / math.sqrt(max(1, len(differences))))


def _spread(differences: Sequence[Fraction]) -> float:
    """Return the standard deviation of differences with one more of +1 and one of -1 among them."""
    size = len(differences) + 2
    centre = float(sum(differences)) / size
    return math.sqrt(max(0.0, (math.fsum(float(d) ** 2 for d in differences) + 2) / size - centre**2))


def over_seeds(seeds: Sequence[Shares]) -> Interval:
    """Return the mean over seeds of the share solved, with a 95% interval over seeds, then problems: `two_level`'s.

    It is never narrower than Wilson's over the problems alone, so it does not collapse where all seeds agree.
    """
    if not seeds or not all(seeds):
        return Interval(math.nan, 0.0, 1.0)
    value, low, high = two_level([{key: float(share) for key, share in seed.items()} for seed in seeds])
    least = wilson(value, len(set().union(*seeds)))
    return Interval(value, max(0.0, min(low, least.low)), min(1.0, max(high, least.high)))


def paired_over_seeds(a: Sequence[Shares], b: Sequence[Shares]) -> PairedSeeds:
    """Compare two students seed by seed and problem by problem; `a[i]` and `b[i]` have the same seed.

    Only problems that both were scored on count. The interval is `two_level`'s, never narrower than that of `paired`
    over the problems alone.
    """
    seeds = [{key: one[key] - other[key] for key in sorted(one.keys() & other.keys())} for one, other in
             zip(a, b, strict=True)]  # fmt: skip
    if not seeds or not all(seeds):
        return PairedSeeds(interval=Interval(math.nan, -1.0, 1.0), by_seed=(), problems=0, better=0, worse=0)
    value, low, high = two_level([{key: float(d) for key, d in seed.items()} for seed in seeds])
    by_problem: dict[str, list[Fraction]] = {}
    for seed in seeds:
        for key, difference in seed.items():
            by_problem.setdefault(key, []).append(difference)
    least = _open_ended([sum(found, Fraction(0)) / len(found) for found in by_problem.values()])
    every = [difference for seed in seeds for difference in seed.values()]
    return PairedSeeds(
        interval=Interval(value, max(-1.0, min(low, least.low)), min(1.0, max(high, least.high))),
        by_seed=tuple(_mean([float(d) for d in seed.values()]) for seed in seeds),
        problems=len(every),
        better=sum(d > 0 for d in every),
        worse=sum(d < 0 for d in every),
    )


def two_level(seeds: Sequence[Mapping[str, float]]) -> tuple[float, float, float]:
    """Return the mean over seeds of each seed's mean over problems, and the ends of its 95% bootstrap interval.

    One draw takes S - 1 of the S seeds with replacement, then problems with replacement, as many as there are; the
    figure of the draw is the mean over its seeds of the mean over their problems. S - 1 in place of S makes the spread
    over seeds unbiased (Rao and Wu 1988, section 3). Problems are drawn for each seed by itself where seeds have
    problems of their own (the two-stage bootstrap: Davison and Hinkley 1997, section 3.8), and once for all seeds where
    they share them (Owen 2007, "The pigeonhole bootstrap"). The 2.5% and 97.5% quantiles are then moved away from the
    mean by t / z, for Student's t at Satterthwaite's (1946) degrees of freedom

        v = (V_s + V_p)^2 / (V_s^2 / (S - 1) + V_p^2 / (N - 1)),

    V_s the variance of the mean that comes from seeds, V_p that from N problems: few seeds that differ much say little.
    The interval errs on the wide side, since problems are part of what seeds differ in: with three seeds it held the
    truth in 91 to 100% of simulations (spreads between seeds of 0 to 5 points, 300 problems). One seed says nothing of
    others.
    """
    keys = [list(seed) for seed in seeds]
    together = sorted(set().union(*keys))
    shared = len(seeds) > 1 and len(together) < sum(map(len, keys))
    means = [_mean(list(seed.values())) for seed in seeds]
    value = _mean(means)
    draw = random.Random(DRAW_SEED)
    draws = max(RESAMPLES // 4, min(RESAMPLES, RESAMPLE_WORK // len(together)))
    figures = sorted(_drawn(seeds, together, shared, draw) for _ in range(draws))
    low, high = figures[int(0.025 * draws)], figures[math.ceil(0.975 * draws) - 1]
    stretch = student_t(_freedom(seeds, means, shared)) / Z
    return value, value - stretch * max(0.0, value - low), value + stretch * max(0.0, high - value)


def _drawn(
    seeds: Sequence[Mapping[str, float]], together: Sequence[str], shared: bool, draw: random.Random
) -> float:  # fmt: skip
    """Return the figure of one draw of seeds, then problems."""
    taken = draw.choices(seeds, k=max(1, len(seeds) - 1))
    if not shared:
        return _mean([_mean(draw.choices(list(seed.values()), k=len(seed))) for seed in taken])
    problems = draw.choices(together, k=len(together))
    figures = [[seed[key] for key in problems if key in seed] for seed in taken]
    return _mean([_mean(figure) for figure in figures if figure] or [0.0])


def _freedom(seeds: Sequence[Mapping[str, float]], means: Sequence[float], shared: bool) -> int:
    """Return Satterthwaite's degrees of freedom, as a whole number that is not too large."""
    count = len(seeds)
    if shared:
        by_problem: dict[str, list[float]] = {}
        for seed in seeds:
            for key, value in seed.items():
                by_problem.setdefault(key, []).append(value)
        of_problems = _variance([_mean(values) for values in by_problem.values()]) / len(by_problem)
        problems = len(by_problem)
    else:
        of_problems = sum(_variance(list(seed.values())) / len(seed) for seed in seeds) / count**2
        problems = sum(map(len, seeds))
    of_seeds = _variance(means) / count
    if not shared:
        of_seeds = max(0.0, of_seeds - of_problems)
    squares = (of_seeds**2 / (count - 1) if count > 1 else 0.0) + of_problems**2 / max(1, problems - 1)
    return max(1, int(min(1e6, (of_seeds + of_problems) ** 2 / squares))) if squares else max(1, problems - 1)


def conclude(interval: Interval, margin: float) -> Conclusion:
    """Return what a difference and its 95% interval say, for a `margin` of equivalence in share solved.

    `different`: the interval leaves 0 out. `equivalent`: it holds 0 and lies within the margin on both sides, which is
    two one-sided tests at 2.5% each (TOST: Schuirmann 1987; the usual 5% each would take the 90% interval). `open`:
    neither was shown.
    """
    if interval.low > 0 or interval.high < 0:
        return "different"
    return "equivalent" if -margin < interval.low and interval.high < margin else "open"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    """Return the unbiased variance; 0 of a single value."""
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)
