"""Answers that call tools: calls a response, what failed and what was invented, and accuracy over calls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from potstill.evaluate.statistics import student_t
from potstill.intervals import Interval
from potstill.records import Measure
from potstill.report.nodes import Cell, Column, Node, Point, Points, TableNode
from potstill.report.students import ArmResult
from potstill.tool_marks import ToolUse, use_of


def tool_calls(arm_results: Sequence[ArmResult], taught: Mapping[str, Mapping[str, int]]) -> tuple[Node, ...]:
    """Return a table of the students' calls and a plot of their accuracy over calls, nothing where none calls tools.

    `taught`: set -> what its strategy counted, of those that called tools.
    """
    uses = {row.name: [use_of(measure.reasoning) for measure in row.measures] for row in arm_results}
    nodes: list[Node] = []
    if any(use.calls or use.invented for found in uses.values() for use in found):
        nodes.append(_table(arm_results, uses))
        if len(points := _points(arm_results, uses)) > 1:
            note = "Accuracy with its 95% interval over the mean number of calls in a response."
            nodes.append(Points("Accuracy against calls", "calls a response", tuple(points), note))
    for name, counts in taught.items():
        rows = tuple((what, number) for what, number in counts.items())
        columns = (Column("what"), Column("count", "count"))
        nodes.append(TableNode(f"Calls of tools in the traces of '{name}'", columns, rows))
    return tuple(nodes)


def _table(arm_results: Sequence[ArmResult], uses: Mapping[str, Sequence[ToolUse]]) -> TableNode:
    columns = (
        Column("student"), Column("calls a response", "number"), Column("low", "number"), Column("high", "number"),
        Column("without a call", "percent"), Column("calls that failed", "percent"),
        Column("with an invented result", "percent"), Column("solved a call", "number"),
    )  # fmt: skip
    note = (
        "A call counts once its result is there. A failed one was told why. A result that a student invents ends its "
        "response, which is not solved. 'Solved a call' is solved responses over calls."
    )
    rows = tuple(_row(row, uses[row.name]) for row in arm_results if row.measures)
    return TableNode("Calls of tools", columns, rows, note)


def _row(row: ArmResult, uses: Sequence[ToolUse]) -> tuple[Cell, ...]:
    calls = [use.calls for use in uses]
    mean = calls_a_response(row.measures)
    made = sum(calls)
    return (
        row.name, mean.value, mean.low, mean.high, _share(calls.count(0), len(uses)),
        _share(sum(use.failed for use in uses), made), _share(sum(use.invented > 0 for use in uses), len(uses)),
        _share(row.summary.right, made),
    )  # fmt: skip


def calls_a_response(measures: Sequence[Measure]) -> Interval:
    """Return the mean number of calls in a response with its 95% interval: Student's t over the problems."""
    by_problem: dict[str, list[int]] = {}
    for measure in measures:
        by_problem.setdefault(measure.problem_key, []).append(use_of(measure.reasoning).calls)
    means = [math.fsum(found) / len(found) for found in by_problem.values()]
    value = math.fsum(means) / len(means) if means else math.nan
    if len(means) < 2:
        return Interval(value, 0.0, math.inf)
    spread = math.sqrt(math.fsum((mean - value) ** 2 for mean in means) / (len(means) - 1) / len(means))
    return Interval(
        value, max(0.0, value - student_t(len(means) - 1) * spread), value + student_t(len(means) - 1) * spread
    )


def _points(arm_results: Sequence[ArmResult], uses: Mapping[str, Sequence[ToolUse]]) -> list[Point]:
    return [
        Point(
            name=row.name, colour=colour, x=math.fsum(use.calls for use in uses[row.name]) / len(uses[row.name]),
            y=row.summary.accuracy.value, low=row.summary.accuracy.low, high=row.summary.accuracy.high,
        )
        for colour, row in enumerate(arm_results)
        if row.summary.scored
    ]  # fmt: skip


def _share(count: int, whole: int) -> float | None:
    return count / whole if whole else None
