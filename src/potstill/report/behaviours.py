"""What reasonings do beside going forward: from the teacher's traces over the examples to the students."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from potstill.evaluate.behaviours import BehaviourCounts
from potstill.report.nodes import Column, Node, TableNode
from potstill.verify.behaviours import BEHAVIOURS, Behaviour

TITLES: dict[Behaviour, str] = {
    "check": "checks", "backtrack": "attempts given up", "restatement": "restatements", "alternative": "other ways",
}  # fmt: skip
NOTE = (
    "Found by words (lists that are counted elsewhere, and plain ones) or by structure (an equation that undoes an "
    "earlier one and leads nowhere; a result that nothing uses and a new start behind it). Another detector gives "
    "another number, so compare within the table."
)


def behaviours(found: Sequence[BehaviourCounts]) -> Iterator[Node]:
    """Yield the table, nothing where nobody wrote any reasoning."""
    shown = [one for one in found if one.words]
    if not shown:
        return
    columns = (
        Column("behaviour"), Column("whose reasoning"), Column("responses with it", "percent"),
        Column("low", "percent"), Column("high", "percent"), Column("in 1,000 words", "number"),
        Column("responses", "count"), Column("words a response", "count"),
    )  # fmt: skip
    rows = tuple(
        (TITLES[name], one.who, *_interval(one, name), one.rate(name), one.number, one.words / one.number)
        for name in BEHAVIOURS for one in shown
    )  # fmt: skip
    yield TableNode("Behaviours", columns, rows, NOTE)


def _interval(one: BehaviourCounts, name: Behaviour) -> tuple[float, float, float]:
    share = one.share(name)
    return share.value, share.low, share.high
