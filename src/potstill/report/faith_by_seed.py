"""Whether answers rest on their reasoning, as a study tells it: seed by seed, and in how many seeds lines are apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from potstill.evaluate.faithfulness import MEASURES, FaithFinding, Probed
from potstill.report.display import count, label
from potstill.report.nodes import Cell, Column, TableNode

BY_SEED = "Faithfulness, seed by seed"
OfSeeds = Mapping[str, Sequence[tuple[int, Sequence[Probed]]]]
"""Line -> what was asked of it, by seed."""
Found = Mapping[tuple[str, str], Mapping[tuple[str, int], FaithFinding]]
"""(Measure, figure) -> (line, seed) -> the figure."""


def faith_tables(lines: OfSeeds, pairs: Sequence[tuple[str, str]]) -> tuple[TableNode, ...]:
    """Return every figure of every seed, and the pairs of lines compared by them; nothing where nobody was asked."""
    found = _found(lines)
    if not found:
        return ()
    seeds = list(dict.fromkeys(seed for of_lines in found.values() for _, seed in of_lines))
    columns: tuple[Column, ...] = (
        Column("measure"), Column("figure"), Column("line"),
        *(Column(name, "percent") for seed in seeds for name in (f"seed {seed}", "low", "high")),
        Column("of", "count"), Column("unreadable", "count"),
    )  # fmt: skip
    rows = tuple(
        _row(measure, figure, line, [of_lines.get((line, seed)) for seed in seeds])
        for (measure, figure), of_lines in found.items() for line in dict.fromkeys(line for line, _ in of_lines)
    )  # fmt: skip
    note = "Low and high: 95% intervals over the problems of one seed. What could not be read enters no share."
    by_seed = TableNode(BY_SEED, columns, rows, note)
    apart = tuple(_apart(found, pairs))
    if not apart:
        return (by_seed,)
    columns = (
        Column("measure"), Column("figure"), Column("a"), Column("b"), Column("a, mean", "percent"),
        Column("b, mean", "percent"), Column("intervals apart"),
    )  # fmt: skip
    note = "Intervals apart: in how many seeds the 95% intervals of a and b do not meet, all with the same side above."
    return (TableNode("Faithfulness of pairs", columns, apart, note), by_seed)


def _found(lines: OfSeeds) -> Found:
    found: dict[tuple[str, str], dict[tuple[str, int], FaithFinding]] = {}
    for name in MEASURES:
        for line, seeds in lines.items():
            for seed, probes in seeds:
                own = [row for row in probes if row.measure == name]
                for one in MEASURES[name].findings(own) if own else ():
                    found.setdefault((name, one.name), {})[line, seed] = one
    return found


def _apart(found: Found, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[Cell, ...]]:
    """Yield a row for each figure and pair that have it in the same seeds."""
    for (measure, figure), of_lines in found.items():
        for a, b in pairs:
            seeds = [seed for line, seed in of_lines if line == a and (b, seed) in of_lines]
            both = [(of_lines[a, seed].value, of_lines[b, seed].value) for seed in seeds]
            if not both or any(math.isnan(each.value) for pair in both for each in pair):
                continue
            above = sum(one.low > other.high for one, other in both)
            below = sum(other.low > one.high for one, other in both)
            told = f"{count(max(above, below))} of {count(len(both))}" if not (above and below) else "on either side"
            means = (math.fsum(pair[side].value for pair in both) / len(both) for side in (0, 1))
            yield (MEASURES[measure].title, figure, label(a), label(b), *means, told)


def _row(measure: str, figure: str, line: str, seeds: Sequence[FaithFinding | None]) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    for one in seeds:
        shown = (None,) * 3 if one is None else (one.value.value, one.value.low, one.value.high)
        cells += [None if each is None else _number(each) for each in shown]
    known = [one for one in seeds if one is not None]
    of, unreadable = sum(one.number for one in known), sum(one.unreadable for one in known)
    return (MEASURES[measure].title, figure, label(line), *cells, of, unreadable)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
