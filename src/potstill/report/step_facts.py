"""Right answers with a wrong step in them, as a study tells them line by line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from potstill.intervals import wilson
from potstill.report.nodes import Cell, Column, TableNode


@dataclass(frozen=True)
class StepFacts:
    """Right answers, how many of them have a wrong step, and their tokens in all."""

    right: int
    wrong_steps: int
    tokens: float


def step_table(lines: Mapping[str, Sequence[StepFacts]]) -> TableNode:
    """Return the table of a study's lines, each with its facts seed by seed."""
    columns = (
        Column("line"), Column("right answers", "count"), Column("with a wrong step", "percent"),
        Column("low", "percent"), Column("high", "percent"), Column("tokens of a right answer"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for name, seeds in lines.items():
        right = sum(seed.right for seed in seeds)
        share = wilson(sum(seed.wrong_steps for seed in seeds) / right if right else math.nan, right)
        tokens = math.fsum(seed.tokens for seed in seeds) / right if right else math.nan
        rows.append((name, right, share.value, share.low, share.high, round(tokens, 1) if right else None))
    note = (
        "Steps are judged by the facts of a problem where its family knows them, else by the calculator; of all seeds, "
        "with Wilson's 95% interval."
    )
    return TableNode("Right answers that a wrong step led to", columns, tuple(rows), note)
