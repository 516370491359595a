"""The parts of a report as values: each is rendered to HTML and to JSON from the same fields."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

Cell = str | int | float | None
Kind = Literal["text", "count", "number", "percent", "points", "seconds", "instants", "dollars", "p"]


@dataclass(frozen=True)
class Text:
    """A paragraph; `strong` marks the one that carries a section."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Column:
    """A column's name and how its values are written."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True)
class TableNode:
    """Rows of plain values; numbers stay numbers in JSON and are formatted by column for people."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A share in [0, 1] with the interval around it; `colour` is the same number wherever a student is drawn."""

    label: str
    colour: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Bars:
    """Shares with intervals, one bar each."""

    title: str
    bars: tuple[Bar, ...]
    note: str = ""


@dataclass(frozen=True)
class Bin:
    """A histogram's bin: low <= value < high (the last one includes its end)."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Histogram:
    """Counts over equal bins."""

    title: str
    unit: str
    bins: tuple[Bin, ...]
    note: str = ""


@dataclass(frozen=True)
class Series:
    """A named series of (x, y) points; `colour` is the same number wherever a student is drawn.

    Of a `dotted` one each point is drawn: it is a figure by itself.
    """

    name: str
    colour: int
    points: tuple[tuple[float, float], ...]
    dotted: bool = False


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Several lines over one pair of axes."""

    title: str
    x: str
    y: str
    lines: tuple[Series, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A named figure at (x, y) with the interval of y; `colour` is the same number wherever it is drawn."""

    name: str
    colour: int
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Points:
    """Named figures over one pair of axes."""

    title: str
    x: str
    points: tuple[Point, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class DifferenceSpan:
    """A difference in share with the interval around it."""

    label: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Forest:
    """Differences with intervals, one below the other, around a line of no difference."""

    title: str
    spans: tuple[DifferenceSpan, ...]
    note: str = ""


@dataclass(frozen=True)
class HeatCell:
    """A difference in share with the interval around it; NaN where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """Differences in share by row and column; `cells` has a row for each of `rows`, a cell for each of `columns`."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[HeatCell, ...], ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one of them wrote; `mark` is right, wrong, truncated, unknown, or empty where nobody judged it."""

    who: str
    mark: str
    note: str
    reasoning: str
    answer: str


@dataclass(frozen=True)
class SideBySide:
    """One problem and what teacher and students answered."""

    title: str
    question: str
    gold: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Code:
    """Text to be shown as it is, folded away."""

    title: str
    text: str


@dataclass(frozen=True)
class Section:
    """A titled group of nodes."""

    title: str
    children: tuple[Node, ...]


Node = Text | TableNode | Bars | Histogram | Lines | Points | Forest | HeatMap | SideBySide | Code | Section


def plain(value: Any) -> Any:  # noqa: ANN401 - any node or field of one
    """Return a node as JSON values: an object with its fields and its type under `node`, a `TableNode`'s being `table`.

    NaN becomes null.
    """
    if is_dataclass(value):
        named = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {"node": type(value).__name__.lower().removesuffix("node"), **named}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
