"""What a student said of the traces of each set before it was trained: sets, and so teachers, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from potstill.report.facts import SetFacts
from potstill.report.nodes import Cell, Column, Node, TableNode

NOTE = (
    "Means over traces; the ratio is that of whole sets, mean rank over mean surprisal (arXiv 2601.14249): of several "
    "teachers the lowest fits best. Gain is what the reasoning adds to the log p of a token of the gold."
)


def listening(sets: Sequence[SetFacts]) -> Iterator[Node]:
    """Yield the table, nothing where no student listened."""
    rows: list[tuple[Cell, ...]] = [
        (each.name, each.teacher_name, told.listener, told.traces, told.unread, told.surprisal, told.ratio, told.gain)
        for each in sets for told in each.listened
    ]  # fmt: skip
    if rows:
        columns = (
            Column("set"), Column("teacher"), Column("listener"), Column("traces", "count"), Column("unread", "count"),
            Column("surprisal, nats a token", "number"), Column("rank over surprisal", "number"),
            Column("gain, nats a token", "number"),
        )  # fmt: skip
        yield TableNode("What the student said of the traces", columns, tuple(rows), NOTE)
