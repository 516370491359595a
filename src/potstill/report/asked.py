"""How the teacher of a set was asked: the ways it was asked in, and the calls that its samples took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from potstill.intervals import wilson
from potstill.report import nodes
from potstill.report.display import label
from potstill.report.facts import SetFacts, WayFacts
from potstill.report.nodes import Column, TableNode


def ways_table(title: str, ways: Sequence[WayFacts]) -> TableNode:
    """Return what became of the traces of each way, with 95% intervals of how often they are right."""
    columns = (
        Column("way"), Column("traces", "count"), Column("right", "percent"), Column("low", "percent"),
        Column("high", "percent"), Column("kept", "percent"), Column("tokens a trace", "count"),
    )  # fmt: skip
    rows: list[tuple[nodes.Cell, ...]] = []
    for way in ways:
        right = wilson(way.right / (way.right + way.wrong), way.right + way.wrong) if way.right + way.wrong else None
        figures = (None, None, None) if right is None else (right.value, right.low, right.high)
        rows.append((label(way.name), way.traces, *figures, way.kept / way.traces, way.tokens / way.traces))
    note = "Right is the share among right and wrong, with its 95% interval; kept that of all traces."
    return TableNode(title, columns, tuple(rows), note)


def calls_table(title: str, facts: SetFacts) -> TableNode:
    """Return how many calls each part of a strategy took, and their tokens."""
    columns = (Column("call"), Column("calls", "count"), Column("tokens read", "count"), Column("written", "count"))
    names = ("calls", "prompt_tokens", "completion_tokens")
    rows: list[tuple[nodes.Cell, ...]] = [
        (label(role), *(taken[name] for name in names)) for role, taken in facts.calls.items()
    ]
    rows.append(("all", *(sum(taken[name] for taken in facts.calls.values()) for name in names)))
    told = "; ".join(f"{name} {number:,}" for name, number in facts.counted.items())
    of = "" if facts.trace_funnel is None else f"Of {facts.trace_funnel.read:,} traces. "
    note = of + (f"Counted beside them: {told}." if told else "")
    return TableNode(title, columns, tuple(rows), note)


def tried_table(title: str, tried: Sequence[Sequence[Any]]) -> TableNode:
    """Return how often each way was right on the problems of each kind, and which ones are asked for."""
    columns = (
        Column("kind"), Column("way"), Column("judged", "count"), Column("right", "percent"), Column("low", "percent"),
        Column("high", "percent"), Column("tokens a response", "count"), Column("asked for"),
    )  # fmt: skip
    rows: list[tuple[nodes.Cell, ...]] = []
    for kind, way, right, wrong, unknown, tokens, low, high, chosen in tried:
        judged = right + wrong
        share = right / judged if judged else None
        told = "yes" if chosen else ""
        rows.append((label(kind), label(way), judged, share, low, high, tokens / max(1, judged + unknown), told))
    note = "With 95% intervals. Two ways are asked for where the intervals of the two best overlap."
    return TableNode(title, columns, tuple(rows), note)
