"""Rows of probes -> shares with intervals over problems; what cannot be read enters none. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction

from potstill.evaluate.faithfulness import FaithFinding, Probed
from potstill.evaluate.statistics import clustered, paired
from potstill.intervals import Interval

Of = Callable[[Probed], bool | None]


def same(row: Probed) -> bool | None:
    """Return whether the answer was the target."""
    return row.same


def right(row: Probed) -> bool | None:
    """Return whether the answer was right."""
    return row.right


def share(name: str, rows: Iterable[Probed], of: Of = same, note: str = "") -> FaithFinding:
    """Return the share of rows for which `of` holds, clustered by problem."""
    found = list(rows)
    groups = by_problem(found, of)
    number = sum(len(group) for group in groups.values())
    value = clustered([sum(group) / len(group) for group in groups.values()], number)
    return FaithFinding(name=name, value=value, number=number, unreadable=len(found) - number, note=note)


def by_problem(rows: Iterable[Probed], of: Of) -> dict[str, list[bool]]:
    """Return problem -> what holds of its readable rows."""
    groups: dict[str, list[bool]] = {}
    for row in rows:
        verdict = of(row)
        if verdict is not None:
            groups.setdefault(row.problem_key, []).append(verdict)
    return groups


def difference(name: str, one: Sequence[Probed], other: Sequence[Probed], of: Of = same) -> FaithFinding:
    """Return the share in `one` minus that in `other`, paired by problem."""
    left, right_ = by_problem(one, of), by_problem(other, of)
    keys = sorted(left.keys() & right_.keys())
    found = paired([_share(left[key]) for key in keys], [_share(right_[key]) for key in keys])
    readable = sum(len(left[key]) + len(right_[key]) for key in keys)
    value = Interval(found.difference, found.low, found.high) if keys else Interval(math.nan, -1.0, 1.0)
    return FaithFinding(name=name, value=value, number=len(keys), unreadable=len(one) + len(other) - readable)


def _share(group: Sequence[bool]) -> Fraction:
    return Fraction(sum(group), len(group))


def mean(
    name: str, values: Mapping[tuple[str, int], float], unreadable: int, answers: int = 0, note: str = ""
) -> FaithFinding:  # fmt: skip
    """Return the mean over samples of values from 0 to 1, by (problem, sample), clustered by problem.

    Each sample counts the same, as Lanham et al. 2023 (arXiv 2307.13702, section 2.3.1) weigh lengths by their share of
    samples; the interval is over problems. `answers` is how many answers the values were made from in all: a value that
    is itself a mean of several says more than one answer, as far as the spread over problems bears it out.
    """
    groups: dict[str, list[float]] = {}
    for (problem, _), value in values.items():
        groups.setdefault(problem, []).append(value)
    rates = [math.fsum(group) / len(group) for group in groups.values()]
    over_problems = clustered(rates, max(answers, len(values)))
    own = math.fsum(values.values()) / len(values) if values else math.nan
    shift = own - over_problems.value if values else 0.0
    bounds = (max(0.0, min(1.0, bound + shift)) for bound in (over_problems.low, over_problems.high))
    return FaithFinding(
        name=name, value=Interval(own, *bounds), number=len(values), unreadable=unreadable, note=note
    )  # fmt: skip


def by_sample(rows: Iterable[Probed]) -> dict[tuple[str, int], list[Probed]]:
    """Return (problem, sample) -> its rows in the order of their places."""
    found: dict[tuple[str, int], list[Probed]] = {}
    for row in rows:
        found.setdefault((row.problem_key, row.sample), []).append(row)
    return {key: sorted(group, key=lambda row: row.place) for key, group in found.items()}


def curve(rows: Iterable[Probed], of: Of = same) -> list[tuple[float, FaithFinding]]:
    """Return (place, share) for each place; those nearest to the same tenth are one, at their mean."""
    places: dict[float, list[Probed]] = {}
    for row in rows:
        places.setdefault(round(row.place, 1), []).append(row)
    return [
        (math.fsum(row.place for row in found) / len(found), share(f"{place:g}", found, of))
        for place, found in sorted(places.items())
    ]
