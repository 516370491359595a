"""Problems that the teacher wrote: from how many, by which way, and how many were kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from potstill.report.display import label
from potstill.report.nodes import Cell, Column, TableNode


def written_table(counts: Mapping[str, Any]) -> TableNode:
    """Return the counts of the stage `problems` about what was written; what was dropped is among the problems."""
    whole = counts["written"] or math.nan
    rows: list[tuple[Cell, ...]] = [
        ("problems written from", counts["seeds"], math.nan),
        ("written", counts["written"], 1.0 if counts["written"] else math.nan),
        ("kept", counts["kept"], counts["kept"] / whole),
    ]
    rows += [(label(f"kept: {way}"), number, number / whole) for way, number in counts["ways"].items()]
    columns = (Column("problems of the teacher"), Column("count", "count"), Column("share of the written", "percent"))
    sampled = counts["sampling"]
    tokens = f"{sampled['prompt_tokens']:,} tokens were read and {sampled['completion_tokens']:,} written"
    note = f"For writing and solving them {tokens}. Their golds are what most samples agree on."
    return TableNode("Problems that the teacher wrote", columns, tuple(rows), note)
