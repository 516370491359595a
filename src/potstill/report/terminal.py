"""A table node as aligned plain text."""

from __future__ import annotations

import unicodedata

from potstill.report.display import label
from potstill.report.html import written
from potstill.report.nodes import Table


def table_text(table: Table) -> str:
    """Return title, header and rows with columns aligned: words to the left, numbers to the right."""
    rows = [[column.name for column in table.columns]]
    rows += [[label(written(cell, c), 40) for cell, c in zip(row, table.columns, strict=True)] for row in table.rows]
    widths = [max(_width(row[index]) for row in rows) for index in range(len(table.columns))]
    lines = []
    for row in rows:
        cells = []
        for text, column, width in zip(row, table.columns, widths, strict=True):
            gap = " " * (width - _width(text))
            cells.append(text + gap if column.kind == "text" else gap + text)
        lines.append("  ".join(cells).rstrip())
    rule = "-" * max(map(len, lines))
    return "\n".join([table.title, rule, lines[0], rule, *lines[1:], rule])


def _width(text: str) -> int:
    """Terminal cells: two for East Asian wide characters, none for combining marks."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)
