"""A table node as aligned plain text."""

from __future__ import annotations

import unicodedata

from potstill.report.display import label
from potstill.report.html import written
from potstill.report.nodes import TableNode


def table_text(table: TableNode, without: frozenset[str] = frozenset()) -> str:
    """Return title, header and rows with columns aligned (words left, numbers right), but the columns in `without`."""
    shown = [index for index, column in enumerate(table.columns) if column.name not in without]
    columns = [table.columns[index] for index in shown]
    rows = [[column.name for column in columns]]
    rows += [[label(written(row[index], table.columns[index]), 40) for index in shown] for row in table.rows]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for text, column, width in zip(row, columns, widths, strict=True):
            gap = " " * (width - _width(text))
            cells.append(text + gap if column.kind == "text" else gap + text)
        lines.append("  ".join(cells).rstrip())
    rule = "-" * max(map(len, lines))
    return "\n".join([table.title, rule, lines[0], rule, *lines[1:], rule])


def _width(text: str) -> int:
    """Terminal cells: two for East Asian wide characters, none for combining marks."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)
