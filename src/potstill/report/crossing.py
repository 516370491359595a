"""Where the curves of two arms over training compute cross, and how much each needs for the same accuracy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from potstill.report.display import visible
from potstill.report.nodes import Cell, Column, TableNode

Curve = Sequence[tuple[float, float]]
"""(arithmetic, accuracy), in order of the arithmetic; straight in between."""


def crossings(one: Curve, other: Curve) -> list[float]:
    """Return where two curves cross within what both were measured over; where they only touch, nobody has passed."""
    low, high = max(one[0][0], other[0][0]), min(one[-1][0], other[-1][0])
    if low >= high:
        return []
    found: list[float] = []
    last: tuple[float, float] | None = None  # the last place where one of them led, and by how much
    level: float | None = None  # the first place since then where they were level
    for x in sorted({low, high, *(x for x, _ in (*one, *other) if low < x < high)}):
        lead = _at(one, x) - _at(other, x)
        if lead == 0:
            level = x if level is None else level
            continue
        if last is not None and (lead > 0) != (last[1] > 0):
            found.append(last[0] + last[1] / (last[1] - lead) * (x - last[0]) if level is None else level)
        last, level = (x, lead), None
    return found


def needed(curve: Curve, accuracy: float) -> float | None:
    """Return the least arithmetic at which a curve has this accuracy; None where it never has."""
    if curve and curve[0][1] >= accuracy:
        return curve[0][0]
    for (x, y), (next_x, next_y) in pairwise(curve):
        if next_y >= accuracy:
            return x + (accuracy - y) / (next_y - y) * (next_x - x)
    return None


def crossing_table(curves: Mapping[str, Curve], pairs: Sequence[tuple[str, str]], unit: tuple[str, float]) -> TableNode:
    """Return a row for each pair of which neither goes on from the other; none where no pair has two curves."""
    name, size = unit
    columns = (
        Column("a"), Column("b"), Column("from", "count"), Column("to", "count"), Column("cross at"),
        Column("higher at the end"), Column("both at", "percent"), Column("a needs", "count"),
        Column("b needs", "count"),
    )  # fmt: skip
    rows = tuple(
        _row(one, other, curves, size)
        for one, other in pairs
        if one in curves and other in curves and not _goes_on(curves[one], curves[other])
    )
    note = (
        f"Means over seeds, {name} of training of all that made an arm, straight lines between what was measured; no "
        "intervals, so two crossings close together are noise. 'from' and 'to' bound what both were measured over. "
        "'both at' is the lower of the two highest accuracies, and behind it what each needs to come there."
    )
    return TableNode("Where curves over compute cross", columns, rows, note)


def _goes_on(one: Curve, other: Curve) -> bool:
    shorter = min(len(one), len(other))
    return list(one[:shorter]) == list(other[:shorter])


def _row(a: str, b: str, curves: Mapping[str, Curve], size: float) -> tuple[Cell, ...]:
    one, other = curves[a], curves[b]
    low, high = max(one[0][0], other[0][0]), min(one[-1][0], other[-1][0])
    bounds: tuple[Cell, ...] = (None, None, "", "")
    if low < high:
        met = ", ".join(f"{x / size:,.0f}" for x in crossings(one, other)) or "nowhere"
        ends = _at(one, high), _at(other, high)
        better = "neither" if ends[0] == ends[1] else a if ends[0] > ends[1] else b
        bounds = (low / size, high / size, met, visible(better, 80))
    both = min(max(y for _, y in one), max(y for _, y in other))
    spent = (needed(one, both), needed(other, both))
    return (visible(a, 80), visible(b, 80), *bounds, both, *(None if x is None else x / size for x in spent))


def _at(curve: Curve, place: float) -> float:
    for (x, y), (next_x, next_y) in pairwise(curve):
        if x <= place <= next_x:
            return y if next_x == x else y + (place - x) / (next_x - x) * (next_y - y)
    raise ValueError(f"{place} is outside what was measured")
