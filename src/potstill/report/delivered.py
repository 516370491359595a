"""The delivered files: one line each, beside the trained student, and which to take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from potstill.evaluate.metrics import compare, summarise
from potstill.records import Measure
from potstill.report.display import percent
from potstill.report.facts import FileFacts
from potstill.report.nodes import Cell, Column, TableNode

COLUMNS = (
    Column("file"), Column("MB"), Column("bits a weight"), Column("accuracy", "percent"),
    Column("accuracy low", "percent"), Column("accuracy high", "percent"), Column("to trained", "points"),
    Column("from", "points"), Column("to", "points"), Column("same answers", "percent"), Column("truncated", "percent"),
    Column("looped", "percent"), Column("tokens a response", "count"), Column("load", "seconds"),
    Column("first token, 1 thread", "seconds"), Column("memory MB", "count"), Column("tokens/s, 1 thread", "count"),
    Column("tokens/s, 2 threads", "count"),
)  # fmt: skip


def delivered_table(files: Sequence[FileFacts], trained: Sequence[Measure]) -> TableNode | None:
    """Return the table of the files; `trained` are the answers of the student that they were made from, zero-shot."""
    if not files:
        return None
    note = (
        "Each was loaded again and measured in its own runtime. Differences to the trained student are in percentage "
        f"points, problem by problem, with 95% intervals. {_advice(files, trained)}"
    )
    return TableNode("Delivered files", COLUMNS, tuple(_row(file, trained) for file in files), note)


def take(files: Sequence[FileFacts], trained: Sequence[Measure]) -> FileFacts | None:
    """Return the smallest file of which nothing says that it solves less, None where each does."""
    whole = [file for file in files if compare(file.measures, trained).high >= 0]
    return min(whole, key=lambda file: file.bytes, default=None)


def _advice(files: Sequence[FileFacts], trained: Sequence[Measure]) -> str:
    best = take(files, trained)
    if best is None:
        return "Every one of them solves less than the trained student: export a more exact type."
    test = compare(best.measures, trained)
    return (
        f"Take {best.name}: it is the smallest that is not seen to solve less. It may still, by up to "
        f"{percent(max(0.0, -test.low))} of the problems."
    )


def _row(file: FileFacts, trained: Sequence[Measure]) -> tuple[Cell, ...]:
    summary, test = summarise(file.measures), compare(file.measures, trained)
    clock = file.clock
    return (
        file.name, f"{file.bytes / 2**20:,.1f}", f"{file.bits:.2f}",
        summary.accuracy.value, summary.accuracy.low, summary.accuracy.high,
        test.difference, test.low, test.high, _same(file.measures, trained), summary.truncated_rate,
        summary.looped_rate, summary.mean_tokens, clock.get("load_seconds"), clock.get("first_1"), _mega(clock),
        clock.get("written_1"), clock.get("written_2"),
    )  # fmt: skip


def _mega(clock: Mapping[str, float]) -> float | None:
    return clock["memory"] / 2**20 if clock.get("memory") else None


def _same(measures: Sequence[Measure], trained: Sequence[Measure]) -> float:
    """Return the share of answers that are the trained student's, word for word."""
    known = {(one.problem_key, one.sample): (one.reasoning, one.answer) for one in trained}
    same = [known[key] == (one.reasoning, one.answer) for one in measures
            if (key := (one.problem_key, one.sample)) in known]  # fmt: skip
    return sum(same) / len(same) if same else math.nan
