"""Cost and latency: what an answer takes of the teacher, of each student and of each delivered file, side by side."""

from __future__ import annotations

from potstill.report.display import label
from potstill.report.facts import ReportFacts, UsageFacts
from potstill.report.nodes import Cell, Column, Node, TableNode

COLUMNS = (
    Column("who"), Column("kind"), Column("accuracy", "percent"), Column("low", "percent"), Column("high", "percent"),
    Column("answers", "count"), Column("tokens read", "count"), Column("tokens written", "count"),
    Column("first token", "instants"), Column("last token", "instants"), Column("tokens/s", "count"),
    Column("$ per 1,000 answers", "dollars"), Column("rests on"),
)  # fmt: skip
NOTE = (
    "Tokens are means of an answer, in the tokens of who wrote it. First and last token: seconds after the request, a "
    "mean. Tokens/s: of all answers that are written at once. '-': nobody recorded it. Students and files are "
    "measured on held-out problems, a teacher on the problems that it was asked, where it may be judged by other golds."
)
UNPRICED = " Students have a price where evaluate.hour says what an hour of their machine costs."


def costs(facts: ReportFacts) -> tuple[Node, ...]:
    """Return the table, and what the teachers took in all; nothing where nobody was measured."""
    if not facts.usage:
        return ()
    teachers = [one for one in facts.usage if one.kind == "teacher"]
    priced = any(one.dollars is not None for one in facts.usage if one.kind != "teacher")
    note = NOTE if priced else NOTE + UNPRICED
    table = TableNode("An answer of each", COLUMNS, tuple(map(_row, facts.usage)), note)
    if not any(one.written for one in teachers):
        return (table,)
    columns = (
        Column("teacher"), Column("answers", "count"), Column("tokens read", "count"),
        Column("tokens written", "count"), Column("$ in all", "dollars"), Column("price"),
    )  # fmt: skip
    rows = tuple(
        (label(one.name), one.answers, _all(one.read, one), _all(one.written, one), one.spent, one.basis)
        for one in teachers
    )
    return (table, TableNode("What the teacher took in all", columns, rows))


def _row(one: UsageFacts) -> tuple[Cell, ...]:
    accuracy: tuple[Cell, ...] = (None, None, None)
    if one.accuracy is not None:
        accuracy = (one.accuracy.value, one.accuracy.low, one.accuracy.high)
    return (
        label(one.name), one.kind, *accuracy, one.answers, one.read, one.written, one.first, one.last, one.rate,
        one.dollars, one.basis,
    )  # fmt: skip


def _all(mean: float | None, one: UsageFacts) -> float | None:
    return None if mean is None else mean * one.answers
