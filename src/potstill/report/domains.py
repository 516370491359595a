"""Accuracy by domain, and what training on some domains does in others: transfer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from potstill.evaluate.metrics import Summary, compare, summarise
from potstill.evaluate.statistics import Paired
from potstill.report.display import label
from potstill.report.facts import ReportFacts
from potstill.report.nodes import Cell, Column, HeatCell, HeatMap, Node, TableNode
from potstill.report.students import ArmResult

NONE = "no domain"
NOTE = (
    "In percentage points, with 95% intervals, not adjusted for several comparisons. A frame: the interval leaves 0 "
    "out. Stronger colour: further from 0."
)


def domains(facts: ReportFacts, arm_results: Sequence[ArmResult]) -> tuple[Node, ...]:
    """Return accuracy by domain and the differences to the untouched base; nothing where there is one domain."""
    names = domains_of(facts.domains)
    return tuple(_nodes(facts, arm_results, names)) if len(names) > 1 else ()


def domains_of(domains: Mapping[str, str]) -> tuple[str, ...]:
    """Return the domains of held-out problems (problem -> domain), sorted, problems without one last."""
    return tuple(sorted({domain or NONE for domain in domains.values()}, key=lambda name: (name == NONE, name)))


def _nodes(facts: ReportFacts, arm_results: Sequence[ArmResult], names: Sequence[str]) -> Iterator[Node]:
    found = {
        row.name: {
            name: [m for m in row.measures if (facts.domains.get(m.problem_key) or NONE) == name] for name in names
        }
        for row in arm_results
    }
    to_base = {
        row.name: {name: compare(found[row.name][name], found[row.facts.base][name]) for name in names}
        for row in arm_results
        if row.facts.base in found and row.facts.base != row.name
    }
    if to_base:
        cells = tuple(tuple(heat_cell(tests[name]) for name in names) for tests in to_base.values())
        taught = {row.name: _taught(row.facts.taught, names) for row in arm_results}
        rows = tuple(label(f"{name} (taught {taught[name]})" if taught[name] else name) for name in to_base)
        title = "What was gained on each domain, against the untouched base"
        yield HeatMap(title=title, rows=rows, columns=tuple(map(label, names)), cells=cells, note=NOTE)
    columns = (
        Column("student"), Column("domain"), Column("accuracy", "percent"), Column("low", "percent"),
        Column("high", "percent"), Column("problems", "count"), Column("unscored", "count"),
        Column("to base", "points"), Column("from", "points"), Column("to", "points"),
    )  # fmt: skip
    table = tuple(
        _row(row.name, name, summarise(found[row.name][name]), to_base.get(row.name, {}).get(name))
        for row in arm_results
        for name in names
    )
    note = "Accuracy is pass@1 of the held-out problems of a domain; to base: problem by problem, with 95% intervals."
    yield TableNode("Accuracy by domain", columns, table, note)


def _taught(taught: Sequence[str], names: Sequence[str]) -> str:
    return "all" if len(names) > 2 and set(names) <= set(taught) else ", ".join(taught)


def _row(student: str, domain: str, summary: Summary, test: Paired | None) -> tuple[Cell, ...]:
    difference: tuple[Cell, ...] = (None, None, None) if test is None else (test.difference, test.low, test.high)
    accuracy = summary.accuracy
    return (
        student, label(domain), accuracy.value, accuracy.low, accuracy.high, summary.problems, summary.unscored,
        *difference,
    )  # fmt: skip


def heat_cell(test: Paired) -> HeatCell:
    """Return a paired difference as a cell, an empty one where no problem was scored for both."""
    return HeatCell(test.difference if test.problems else math.nan, test.low, test.high)
