"""What a student's judged responses add up to: accuracy, pass@k, majority@k, and the rates beside them.

Who leaves the denominator. A response is *unscored* when the reason lies outside the student: a gold that cannot be
read, no gold, a checker out of time, a failure of the infrastructure. Unscored responses enter no rate and are counted
beside it. A response that the student failed to give (cut at the token limit, no readable answer, an ambiguous one,
one of a form the checker cannot take) is *not solved*: were it left out, a student could raise its accuracy by
falling silent on hard problems. Such responses are counted beside accuracy too, as `truncated` and `unanswered`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from potstill.evaluate.statistics import Paired, clustered, paired
from potstill.intervals import Interval
from potstill.records import UNSCORED, Measure

TOLERATED = 0.01
"""Share of responses that may be unscored before a table says what the accuracy is at least."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """One student on its held-out problems.

    `accuracy` is pass@1: the mean over problems of the share of samples solved, with a 95% interval clustered by
    problem; NaN where nothing was scored. All counts below are of responses: `scored` + `unscored` = `responses`;
    `right`, `truncated` and `unanswered` are disjoint parts of `scored`, the rest answered wrong. `at_least` is the
    accuracy over all problems if no unscored response solves its own; it falls where a student makes its checks fail.
    `thought` of the responses have reasoning, `closed` of these an answer after it.
    """

    problems: int
    responses: int
    scored: int
    unscored: int
    right: int
    truncated: int
    unanswered: int
    looped: int
    thought: int
    closed: int
    accuracy: Interval
    at_least: float
    mean_tokens: float
    causes: Mapping[str, int]

    @property
    def is_doubtful(self) -> bool:
        """Whether so many responses are unscored that the accuracy says too little without `at_least`."""
        return self.unscored > TOLERATED * self.responses

    @property
    def truncated_rate(self) -> float:
        """Share of all responses that the token limit ended."""
        return self._rate(self.truncated)

    @property
    def looped_rate(self) -> float:
        """Share of all responses that ended in a loop."""
        return self._rate(self.looped)

    @property
    def closed_rate(self) -> float:
        """Share of the responses with reasoning that ended it with an answer; NaN where none has any."""
        return self.closed / self.thought if self.thought else math.nan

    def _rate(self, count: int) -> float:
        return count / self.responses if self.responses else math.nan


def solved(measure: Measure) -> bool | None:
    """Return whether the response solves its problem; None where the reason not to know lies outside the student."""
    if measure.cause in UNSCORED or measure.finish == "failed":
        return None
    return measure.outcome == "right" and not measure.truncated


def by_problem(measures: Iterable[Measure]) -> dict[str, list[bool]]:
    """Return problem key -> whether each scored sample solved it, in sample order; problems without any are absent."""
    found: dict[str, list[tuple[int, bool]]] = {}
    for measure in measures:
        verdict = solved(measure)
        if verdict is not None:
            found.setdefault(measure.problem_key, []).append((measure.sample, verdict))
    return {key: [verdict for _, verdict in sorted(samples)] for key, samples in found.items()}


def shares(measures: Iterable[Measure]) -> dict[str, Fraction]:
    """Return problem key -> share of its scored samples that solve it; problems without any are absent."""
    return {key: Fraction(sum(samples), len(samples)) for key, samples in by_problem(measures).items()}


def summarise(measures: Sequence[Measure]) -> Summary:
    """Add up one student's responses to its problems under one prompt."""
    groups = by_problem(measures)
    scored = sum(map(len, groups.values()))
    rates = [sum(samples) / len(samples) for samples in groups.values()]
    counted = [measure for measure in measures if solved(measure) is not None]
    return Summary(
        problems=len(groups),
        responses=len(measures),
        scored=scored,
        unscored=len(measures) - scored,
        right=sum(map(sum, groups.values())),
        truncated=sum(measure.truncated for measure in counted),
        unanswered=sum(measure.outcome == "unknown" and not measure.truncated for measure in counted),
        looped=sum(measure.looped for measure in measures),
        thought=sum(bool(measure.reasoning) for measure in measures),
        closed=sum(bool(measure.reasoning and measure.answer) for measure in measures),
        accuracy=clustered(rates, scored),
        at_least=_at_least(measures),
        mean_tokens=math.fsum(m.completion_tokens for m in measures) / len(measures) if measures else math.nan,
        causes=dict(sorted(Counter(m.cause for m in measures if m.outcome == "unknown" and m.cause).items())),
    )


def _at_least(measures: Iterable[Measure]) -> float:
    problems: dict[str, list[bool]] = {}
    for measure in measures:
        problems.setdefault(measure.problem_key, []).append(solved(measure) is True)
    shares = [sum(samples) / len(samples) for samples in problems.values()]
    return math.fsum(shares) / len(shares) if shares else math.nan


def compare(a: Sequence[Measure], b: Sequence[Measure]) -> Paired:
    """Test student a against student b on the problems where both have a scored response."""
    left, right = shares(a), shares(b)
    keys = sorted(left.keys() & right.keys())
    return paired([left[key] for key in keys], [right[key] for key in keys])


def pass_at_k(samples: int, right: int, k: int) -> float:
    """Return the chance that k of a problem's samples hold a right one: 1 - C(n-c, k) / C(n, k) (Chen et al. 2021).

    Raises ValueError unless 1 <= k <= samples and 0 <= right <= samples.
    """
    if not (1 <= k <= samples and 0 <= right <= samples):
        raise ValueError(f"pass@{k} of {right} right among {samples} samples is not defined")
    return 1.0 - math.comb(samples - right, k) / math.comb(samples, k)


def mean_pass_at_k(measures: Iterable[Measure], k: int) -> Interval:
    """Return pass@k averaged over the problems with at least k scored samples, clustered by problem."""
    groups = [samples for samples in by_problem(measures).values() if len(samples) >= k]
    rates = [pass_at_k(len(samples), sum(samples), k) for samples in groups]
    return clustered(rates, sum(len(samples) // k for samples in groups))


def share_of_k(samples: int, right: int, k: int, share: float) -> float:
    """Return the chance that of k of a problem's samples at least `share` of them are right: G-Pass@k.

    Liu et al. 2024 (arXiv 2412.13147): sum over j >= ceil(share k) of C(c, j) C(n-c, k-j) / C(n, k). A share of 1 is
    pass^k (Yao et al. 2024, arXiv 2406.12045), the chance that all k are right.
    Raises ValueError unless 1 <= k <= samples, 0 <= right <= samples and 0 < share <= 1.
    """
    if not (1 <= k <= samples and 0 <= right <= samples and 0 < share <= 1):
        raise ValueError(f"{share} of {k} of {right} right among {samples} samples is not defined")
    least = math.ceil(share * k - 1e-9)  # 0.7 of 10 are 7, whatever floats say
    ways = sum(math.comb(right, j) * math.comb(samples - right, k - j) for j in range(least, k + 1))
    return ways / math.comb(samples, k)


def g_pass_at_k(measures: Iterable[Measure], k: int, share: float) -> Interval:
    """Return `share_of_k` averaged over the problems with at least k scored samples, clustered by problem."""
    groups = [samples for samples in by_problem(measures).values() if len(samples) >= k]
    rates = [share_of_k(len(samples), sum(samples), k, share) for samples in groups]
    return clustered(rates, sum(len(samples) // k for samples in groups))


def mg_pass_at_k(measures: Iterable[Measure], k: int) -> Interval:
    """Return mG-Pass@k: twice the area under G-Pass@k over shares from a half to one (arXiv 2412.13147, equation 5).

    2/k times the sum over i from ceil(k/2) + 1 to k of G-Pass@k at i/k; its interval is clustered by problem. Below 2
    it is not defined: NaN.
    """
    groups = [samples for samples in by_problem(measures).values() if len(samples) >= k > 1]
    shares = [i / k for i in range(math.ceil(k / 2) + 1, k + 1)]
    rates = [2 / k * math.fsum(share_of_k(len(one), sum(one), k, share) for share in shares) for one in groups]
    return clustered(rates, sum(len(samples) // k for samples in groups))


def majority_at_k(measures: Iterable[Measure], k: int) -> Interval:
    """Return the accuracy of the most frequent answer among k samples, clustered by problem.

    Each problem's scored samples are cut into consecutive blocks of k, which are averaged; a rest shorter than k is
    left out. Answers vote by their extracted text, so two spellings of a value are two candidates. Truncated
    responses and those without an answer do not vote; a block without votes is not solved; ties share the block.
    """
    blocks = blocks_of(measures, k)
    rates = {key: sum(map(majority_share, its), Fraction(0)) / len(its) for key, its in blocks.items()}
    return mean_of_problems(rates, sum(map(len, blocks.values())))


def blocks_of(measures: Iterable[Measure], k: int) -> dict[str, list[list[Measure]]]:
    """Return problem key -> its scored samples in consecutive blocks of k; problems with fewer are absent."""
    groups: dict[str, list[Measure]] = {}
    for measure in measures:
        if solved(measure) is not None:
            groups.setdefault(measure.problem_key, []).append(measure)
    found = {}
    for key, group in groups.items():
        group.sort(key=lambda measure: measure.sample)
        if blocks := [group[i : i + k] for i in range(0, len(group) - k + 1, k)]:
            found[key] = blocks
    return found


def mean_of_problems(rates: Mapping[str, Fraction], samples: int) -> Interval:
    """Return the mean of the shares of problems, clustered by problem; `samples` is what they rest on in all."""
    return clustered([float(rate) for rate in rates.values()], samples)


def majority_share(block: Sequence[Measure]) -> Fraction:
    """Return the share of the most frequent answers of a block that are right; 0 where nothing was voted for."""
    return voted_share(block, lambda _: 1.0)


def voted_share(block: Sequence[Measure], weight: Callable[[Measure], float]) -> Fraction:
    """Return the share of right ones among the answers of a block that have most votes, each of its response's weight.

    Who votes is said at `majority_at_k`; 0 where nothing was voted for.
    """
    ballots: dict[str, list[Measure]] = {}
    for measure in block:
        if measure.extracted is not None and not measure.truncated and measure.outcome != "unknown":
            answer = " ".join(measure.extracted.casefold().split())
            ballots.setdefault(answer, []).append(measure)
    votes = {answer: math.fsum(map(weight, ballot)) for answer, ballot in ballots.items()}
    most = max(votes.values(), default=0.0)
    leaders = [
        Fraction(sum(measure.outcome == "right" for measure in ballot), len(ballot))
        for answer, ballot in ballots.items() if votes[answer] == most
    ]  # fmt: skip
    return sum(leaders, Fraction(0)) / len(leaders) if leaders else Fraction(0)
