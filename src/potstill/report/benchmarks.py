"""Students by published protocols: a table a benchmark, with everything that explains a figure beside it."""

from __future__ import annotations

from collections.abc import Sequence

from potstill.evaluate.metrics import summarise
from potstill.report.facts import BenchmarkFacts
from potstill.report.nodes import Cell, Column, TableNode


def benchmarks(facts: Sequence[BenchmarkFacts]) -> tuple[TableNode, ...]:
    """Return a table for each benchmark, a row for each student and metric."""
    by_name: dict[str, list[BenchmarkFacts]] = {}
    for one in facts:
        by_name.setdefault(one.name, []).append(one)
    return tuple(_table(name, found) for name, found in by_name.items())


def _table(name: str, facts: Sequence[BenchmarkFacts]) -> TableNode:
    columns = (
        Column("student"), Column("metric"), Column("value", "percent"), Column("low", "percent"),
        Column("high", "percent"), Column("problems", "count"), Column("responses", "count"),
        Column("truncated", "percent"), Column("looped", "percent"), Column("thinking closed", "percent"),
        Column("unscored", "count"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for one in facts:
        found = summarise(one.measures)
        beside = (found.problems, found.responses, found.truncated_rate, found.looped_rate, found.closed_rate)
        rows += [(one.student, metric, *figure, *beside, found.unscored) for metric, figure in one.figures.items()]
    first = facts[0]
    note = f"{first.told[:1].upper()}{first.told[1:]}. Intervals are over problems."
    if first.changed:
        note += f" Not the published protocol: other {', '.join(first.changed)}."
    if any(found.responses == found.problems for found in (summarise(one.measures) for one in facts)):
        note += " One response a problem: with few problems much of a difference is chance."
    return TableNode(f"{first.title} ({name})", columns, tuple(rows), note)
