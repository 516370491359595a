"""What each stage took: time, tokens and arithmetic, beside what had been planned."""

from __future__ import annotations

import math

from potstill.report.display import visible
from potstill.report.facts import ReportFacts
from potstill.report.nodes import Cell, Column, Node, TableNode


def time_and_tokens(facts: ReportFacts) -> tuple[Node, ...]:
    """Return the tables of stages, of compute, and of what had been planned."""
    if not facts.stages:
        return ()
    columns = (
        Column("stage"), Column("rows", "count"), Column("tokens", "count"), Column("time", "seconds"), Column("note"),
    )  # fmt: skip
    rows = tuple((s.name, s.rows, s.tokens, s.seconds, visible(s.note, 200)) for s in facts.stages)
    total = math.fsum(stage.seconds for stage in facts.stages)
    stages = TableNode("Stages", columns, (*rows, ("all", None, None, total, "")))
    return (stages, *_compute(facts), *_planned(facts))


def _planned(facts: ReportFacts) -> tuple[Node, ...]:
    """Return what `potstill plan` had said beside what came."""
    if not facts.planned:
        return ()
    columns = (
        Column("stage"), Column("time from", "seconds"), Column("time to", "seconds"), Column("took", "seconds"),
        Column("basis"), Column("MB from", "count"), Column("MB to", "count"), Column("MB held", "count"),
        Column("tokens planned", "count"), Column("tokens trained", "count"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for one in facts.planned:
        held = None if one.held is None else one.held / 1e6
        megabytes = (None, None) if one.peak is None else (one.peak[1] / 1e6, one.peak[2] / 1e6)
        tokens = None if one.tokens is None else one.tokens[0]
        rows.append(
            (one.name, *one.seconds[1:3], one.took, visible(one.seconds[3], 80), *megabytes, held, tokens, one.trained)
        )
    return (TableNode("Planned and taken", columns, tuple(rows), "`potstill plan` said so before the run."),)


def _compute(facts: ReportFacts) -> tuple[Node, ...]:
    """Return the account of compute, the teacher's side and the students' summed apart."""
    asked = [(stage, stage.compute) for stage in facts.stages if stage.compute is not None]
    if not asked:
        return ()
    columns = (
        Column("stage"), Column("who computed"), Column("tokens read", "count"), Column("tokens written", "count"),
        Column("tokens trained", "count"), Column("TFLOP", "count"), Column("time", "seconds"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (stage.name, visible(c.who, 80), c.read, c.written, c.trained, _tera(c.flops), stage.seconds)
        for stage, c in asked
    ]
    for side, teaching in (("teacher and checks", True), ("students", False)):
        part = [(stage, c) for stage, c in asked if c.teaching is teaching]
        if part:
            sums = (sum(getattr(c, key) for _, c in part) for key in ("read", "written", "trained"))
            known = [c.flops for _, c in part if c.flops is not None]
            seconds = math.fsum(stage.seconds for stage, _ in part)
            rows.append((f"all: {side}", "", *sums, _tera(sum(known)) if known else None, seconds))
    note = "By formula: what the methods ask for, not how well this machine did it."
    if any(c.flops is None for _, c in asked):
        note += " A model behind a server tells nothing of its arithmetic: it enters no sum."
    return (TableNode("Compute", columns, tuple(rows), note),)


def _tera(flops: int | None) -> float | None:
    return None if flops is None else flops / 1e12
