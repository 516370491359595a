"""Where what was delivered is, and how it is used."""

from __future__ import annotations

from collections.abc import Sequence

from potstill.report.display import label, visible
from potstill.report.facts import DeliveredPlace
from potstill.report.nodes import Column, Node, TableNode, Text


def whereabouts(places: Sequence[DeliveredPlace], main: str | None) -> tuple[Node, ...]:
    """Return the table of what was delivered; a line where nothing was."""
    if main is None:
        return ()
    if not places:
        return (Text("No export was asked for: the student is in the run folder; `export` in the recipe delivers it."),)
    columns = (Column("what"), Column("where"), Column("use"))
    rows = tuple((label(one.what), visible(one.where, 200), visible(one.use, 300)) for one in places)
    return (TableNode("The model", columns, rows, "RUN is the folder of the run, which this page is in."),)
