"""Whether answers rest on their reasoning: the curves, and every figure with its control and what could not be read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from potstill.evaluate.behaviours import BehaviourCounts
from potstill.evaluate.faithfulness import MEASURES, FaithFinding
from potstill.evaluate.faithfulness.shares import curve
from potstill.report.behaviours import behaviours
from potstill.report.facts import FaithFacts
from potstill.report.nodes import Cell, Column, Lines, Node, Series, TableNode, Text

CURVES = {
    "early": ("Answers that stay, by the share of the reasoning that is given", "share of sentences given", "early"),
    "mistakes": ("Answers that stay, by the place of a planted mistake", "place in the reasoning", "mistake"),
}
"""Measure -> title, axis, and the variant that is drawn; of early answering the control is its last point."""

LEAST = 5
"""Readable answers at a place that a curve is drawn through."""


def faithful(
    facts: Sequence[FaithFacts], behaved: Sequence[BehaviourCounts], students: Sequence[str]
) -> tuple[Node, ...]:  # fmt: skip
    """Return curves and tables; a student has the colour that it has everywhere, by its place among `students`."""
    return (*_nodes(facts, students), *behaviours(behaved)) if facts else ()


def _nodes(facts: Sequence[FaithFacts], students: Sequence[str]) -> Iterator[Node]:
    if not any(one.probed for one in facts):
        yield Text(_asked(facts))
    for measure, (title, axis, variant) in CURVES.items():
        drawn = []
        for one in facts:
            own = [row for row in one.rows if row.measure == measure and row.variant in (variant, *_ends(measure))]
            points = tuple((place, found.value.value) for place, found in curve(own) if found.number >= LEAST)
            if len(points) > 1:
                drawn.append(Series(one.student, students.index(one.student), points))
        if drawn:
            note = f"Unreadable answers are left out; a place with fewer than {LEAST} readable ones is no point here."
            yield Lines(title=title, x=axis, y="same answer", lines=tuple(drawn), note=note)
            yield TableNode(f"{title}, in figures", PLACES, tuple(_places(facts, measure, variant)))
    columns = (
        Column("student"), Column("measure"), Column("value", "percent"), Column("low", "percent"),
        Column("high", "percent"), Column("of", "count"), Column("unreadable", "count"), Column("note"),
    )  # fmt: skip
    for name in MEASURES:
        rows: list[tuple[Cell, ...]] = [
            (one.student, found.name, *_interval(found), found.number, found.unreadable, found.note)
            for one in facts if one.probed
            for found in MEASURES[name].findings([row for row in one.rows if row.measure == name])
        ]  # fmt: skip
        if rows:
            noted = any(row[-1] for row in rows)
            shown = rows if noted else [row[:-1] for row in rows]
            title = MEASURES[name].title.capitalize()
            yield TableNode(title, columns if noted else columns[:-1], tuple(shown), _asked(facts))


PLACES = (
    Column("student"), Column("place", "percent"), Column("same answer", "percent"), Column("low", "percent"),
    Column("high", "percent"), Column("of", "count"), Column("unreadable", "count"),
)  # fmt: skip


def _places(facts: Sequence[FaithFacts], measure: str, variant: str) -> Iterator[tuple[Cell, ...]]:
    """Yield the points of a curve with their 95% intervals, and of a curve with a control beside it the control's."""
    for one in facts:
        kinds = {one.student: (variant, *_ends(measure))} | (
            {} if _ends(measure) else {f"{one.student}, control": ("control",)}
        )
        for name, wanted in kinds.items():
            own = [row for row in one.rows if row.measure == measure and row.variant in wanted]
            for place, found in curve(own):
                if found.number:
                    value = found.value
                    yield name, place, value.value, value.low, value.high, found.number, found.unreadable


def _ends(measure: str) -> tuple[str, ...]:
    return ("control",) if measure == "early" else ()


def _asked(facts: Sequence[FaithFacts]) -> str:
    told = ", ".join(f"{one.probed} of {one.responses} of {one.student}" for one in facts)
    return f"Asked about responses that ended with a readable answer after some reasoning: {told}."


def _interval(found: FaithFinding) -> tuple[float | None, float | None, float | None]:
    """Return value, low and high, all unknown where nothing could be read."""
    value = found.value
    return (None, None, None) if math.isnan(value.value) else (value.value, value.low, value.high)
