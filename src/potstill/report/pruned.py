"""How reasoning was made shorter: tokens before and after, and the steps that went by kind."""

from __future__ import annotations

import math
from collections.abc import Mapping

from potstill.report.nodes import Cell, Column, TableNode

KINDS = {
    "conclusion": "steps after the conclusion",
    "abandoned": "steps of abandoned branches",
    "rechecks": "steps that check again",
    "restatements": "steps that say again",
}


def pruning_table(title: str, counts: Mapping[str, int]) -> TableNode:
    """Return the sums over the examples of a set, see `SetFacts.pruning`."""
    whole = counts["tokens"] or math.nan
    rows: list[tuple[Cell, ...]] = [
        ("tokens before", counts["tokens"], 1.0 if counts["tokens"] else math.nan),
        ("tokens after", counts["tokens_kept"], counts["tokens_kept"] / whole),
        ("examples pruned", counts["pruned"], math.nan),
        ("examples left whole, since they would not have come to their answer", counts["left_whole"], math.nan),
    ]
    rows += [(text, counts[kind], math.nan) for kind, text in KINDS.items() if kind in counts]
    columns = (Column("of the examples"), Column("count", "count"), Column("share of the tokens", "percent"))
    note = "Tokens of reasoning and answer together, as the teacher counted them, else a quarter of the characters."
    return TableNode(title, columns, tuple(rows), note)
