"""Answers that students checked by themselves: what that made right, what it made wrong, and what it took."""

from __future__ import annotations

from collections.abc import Sequence

from potstill.evaluate.metrics import compare, solved, summarise
from potstill.records import Measure
from potstill.report.facts import CheckedAnswers
from potstill.report.nodes import Cell, Column, TableNode


def verified_table(checked: Sequence[CheckedAnswers]) -> tuple[TableNode, ...]:
    """Return a line a student with the change in accuracy, paired by problem; nothing where nobody checked."""
    if not checked:
        return ()
    columns = (
        Column("student"), Column("accuracy before", "percent"), Column("after", "percent"),
        Column("difference", "points"), Column("low", "points"), Column("high", "points"), Column("p", "p"),
        Column("wrong to right", "count"), Column("right to wrong", "count"), Column("answers", "count"),
        Column("calls an answer", "number"), Column("tokens an answer", "count"),
        Column("without a question", "count"),
    )  # fmt: skip
    note = (
        "Each student checks its own answers by chain of verification. Answers are counted where both are judged; "
        "calls and tokens are those of the check, beside the first answer. p is two-sided, of the paired test."
    )
    return (TableNode("Answers checked by the students themselves", columns, tuple(map(_row, checked)), note),)


def changes(before: Sequence[Measure], after: Sequence[Measure]) -> tuple[int, int, int]:
    """Return how many answers went from wrong to right, from right to wrong, and were judged both times."""
    pairs = [(solved(one), solved(other)) for one, other in zip(before, after, strict=True)]
    judged = [(one, other) for one, other in pairs if one is not None and other is not None]
    return judged.count((False, True)), judged.count((True, False)), len(judged)


def _row(one: CheckedAnswers) -> tuple[Cell, ...]:
    gained, lost, judged = changes(one.before, one.after)
    found = compare(one.after, one.before)
    number = max(1, len(one.after))
    tokens = sum(measure.prompt_tokens + measure.completion_tokens for measure in one.after)
    return (
        one.student, summarise(one.before).accuracy.value, summarise(one.after).accuracy.value,
        found.difference, found.low, found.high, found.p, gained, lost, judged,
        one.calls / number, tokens / number, one.unquestioned,
    )  # fmt: skip
