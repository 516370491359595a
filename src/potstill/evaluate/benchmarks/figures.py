"""A protocol's measures -> its figures: each metric by its name, with its interval clustered by problem. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from potstill.evaluate.benchmarks import Protocol, samples_of
from potstill.evaluate.metrics import Summary, g_pass_at_k, majority_at_k, mean_pass_at_k, mg_pass_at_k, summarise
from potstill.intervals import Interval
from potstill.records import Measure

FEW = 100
"""Problems below which a single response of each is told with its standard error."""

Figure = Callable[[Sequence[Measure], int, float], Interval]
METRICS: dict[str, Figure] = {
    "pass@": lambda measures, k, share: mean_pass_at_k(measures, k),
    "majority@": lambda measures, k, share: majority_at_k(measures, k),
    "pass^": lambda measures, k, share: g_pass_at_k(measures, k, 1.0),
    "g-pass@": g_pass_at_k,
    "mg-pass@": lambda measures, k, share: mg_pass_at_k(measures, k),
}
"""How a metric begins -> its figure of (measures, k, share): `majority@64`, `g-pass@16 0.5`."""


def figure(metric: str, measures: Sequence[Measure]) -> Interval:
    """Return one figure by its name; KeyError for a name that begins as none of `METRICS`."""
    sign = "^" if "^" in metric else "@"
    k = samples_of(metric)
    if metric == "pass@1":
        return summarise(measures).accuracy
    return METRICS[metric.partition(sign)[0] + sign](measures, k, float([*metric.split(), "1"][1]))


def figures(protocol: Protocol, measures: Sequence[Measure]) -> list[tuple[str, Interval]]:
    """Return the figures that the protocol names."""
    return [(metric, figure(metric, measures)) for metric in protocol.metrics]


def standard_error(measures: Sequence[Measure]) -> float:
    """Return the standard error of the accuracy where each problem was asked once: sqrt(p (1 - p) / n), n problems."""
    found = summarise(measures)
    value = found.accuracy.value
    return math.sqrt(value * (1 - value) / found.problems) if found.problems else math.nan


def told(protocol: Protocol, measures: Sequence[Measure]) -> str:
    """Return the figures as one line: name, form, settings, figures, and the rates that explain them."""
    found = summarise(measures)
    said = [
        f"{metric} {_percent(value.value)} (95% interval {_percent(value.low)} to {_percent(value.high)})"
        for metric, value in figures(protocol, measures)
    ]
    if protocol.samples == 1 and found.problems <= FEW and 0 < found.accuracy.value < 1:
        said.append(
            f"one response a problem, so its standard error is {_points(standard_error(measures))} points, and much of "
            "a difference of that size is chance"
        )
    line = f"{protocol.name} ({protocol.title}; {protocol.settings}): {', '.join(said)}; {found.problems} problems, "
    line += f"{found.responses} responses: {rates(found)}, {found.unscored} that could not be judged"
    if protocol.changed:
        line += f". Not the published protocol: other {', '.join(protocol.changed)}"
    return line


def rates(found: Summary) -> str:
    """Return how responses ended, in words."""
    closed = "" if math.isnan(found.closed_rate) else f", {_percent(found.closed_rate)} of thinking closed"
    return f"{_percent(found.truncated_rate)} truncated, {_percent(found.looped_rate)} looping{closed}"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}%"


def _points(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}"
