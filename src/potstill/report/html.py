"""Nodes -> one self-contained HTML page: no scripts, no links out, everything from a trace escaped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from potstill import __version__
from potstill.report import display, plots
from potstill.report.mathml import with_formulas
from potstill.report.nodes import Cell, Column, Section


def page(
    name: str, headline: str, sections: Sequence[Section], what: Literal["report", "study", "comparison"] = "report"
) -> str:
    """Return the page. Text is escaped by the template; only `plots` hands it markup, built from escaped parts."""
    return _template().render(
        name=display.label(name), headline=headline, sections=sections, what=what, version=__version__
    )


def written(cell: Cell, column: Column) -> str:
    """Return a table cell as text, in the way its column asks for."""
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if column.kind == "p":
        return display.chance(cell).removeprefix("p ").removeprefix("= ")
    ways = {
        "number": display.decimal, "percent": display.percent, "points": display.points, "seconds": display.duration,
        "instants": display.instant, "dollars": display.dollars,
    }  # fmt: skip
    return ways.get(column.kind, display.count)(cell)


def _visible(value: object) -> object:
    """Spell out hidden characters in every text that enters the page, also where a node forgot to."""
    return display.visible(value, len(value)) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _maths(text: str) -> Markup:
    """Return a text of a model with its formulas drawn, hidden characters spelt out."""
    return with_formulas(display.visible(text, len(text)))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("potstill.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(bars=plots.bars, histogram=plots.histogram, lines=plots.lines, points=plots.points)
    environment.filters.update(percent=display.percent, forest=plots.forest, heat=plots.heat, maths=_maths)
    environment.globals.update(written=written, kind=lambda node: type(node).__name__)
    return environment.get_template("template.html")
