"""Rows of a spreadsheet saved as XLSX, read by python-calamine: the one sheet that has any."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from potstill.errors import DataError, MissingExtraError
from potstill.problems.cells import Day, Literal, Other, Row
from potstill.problems.csv_rows import header_of
from potstill.problems.lines import size_of

EXTRA = "xlsx"
MOST_UNPACKED = 2**30
"""Bytes that a workbook may unpack to: it is a zip file, and its sheets are held whole."""


def read_xlsx(path: Path, most: int) -> Iterator[tuple[str, Row]]:
    """Yield (`row 7`, row), numbered as the sheet numbers them; its header is the first row that has anything.

    Empty rows are passed over. Whole numbers that the sheet holds as decimals are whole numbers here.

    Raises:
        DataError: no whole workbook, or more than one sheet has rows, or a row is of more than `most` bytes.
        MissingExtraError: python-calamine is absent.
    """
    _refuse_bomb(path)
    sheet = _sheet(path)
    header: list[str] | None = None
    start = sheet.start[0] if sheet.start is not None else 0
    for number, cells in enumerate(sheet.to_python(skip_empty_area=True), start + 1):
        values = [_value(cell) for cell in cells]
        if all(value is None for value in values):
            continue
        if header is None:
            header = header_of(path, ["" if value is None else str(value) for value in values])
            continue
        yield f"row {number}", _row(path, number, header, values, most)


def _sheet(path: Path) -> Any:  # noqa: ANN401 - a CalamineSheet
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise MissingExtraError(f"{path}: a spreadsheet", "python-calamine", EXTRA) from None
    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = [book.get_sheet_by_name(name) for name in book.sheet_names]
    except (CalamineError, OSError, ValueError) as error:
        raise DataError(f"{path} is no whole workbook: {' '.join(str(error).split())[:200]}") from error
    filled = [sheet for sheet in sheets if sheet.height > 0]
    if len(filled) > 1:
        names = ", ".join(repr(sheet.name[:40]) for sheet in filled[:5])
        raise DataError(
            f"{path} has {len(filled)} sheets with rows ({names}): save the one you mean as a file of its own"
        )
    if not filled:
        raise DataError(f"{path} holds no rows")
    return filled[0]


def _refuse_bomb(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is no whole workbook: {error}") from error
    if size > MOST_UNPACKED:
        raise DataError(f"{path} unpacks to {size_of(size)}, more than {size_of(MOST_UNPACKED)}: save it as CSV")


def _row(path: Path, number: int, header: Sequence[str], values: Sequence[Any], most: int) -> Row:
    if any(value is not None for value in values[len(header) :]):
        raise DataError(f"{path}: row {number} has a value in a column without a name: name it in the header")
    row = dict(zip(header, values, strict=False))
    if row.pop("", None) is not None:
        raise DataError(f"{path}: row {number} has a value in a column without a name: name it in the header")
    if sum(len(value) for value in row.values() if isinstance(value, str)) > most:
        raise DataError(f"{path}: row {number} is larger than {size_of(most)} (a larger max_characters allows more)")
    return row


def _value(cell: Any) -> Any:  # noqa: ANN401 - what a cell may hold
    """Return a cell as rows have it: a date as its day or time, a moment as what no field may be."""
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() else Literal(repr(cell))
    if isinstance(cell, str):
        return cell if cell.strip() else None
    if isinstance(cell, datetime.datetime):
        return Day(cell.date().isoformat()) if cell.time() == datetime.time() else Other(f"the moment {cell}")
    if isinstance(cell, datetime.date | datetime.time):
        return Day(cell.isoformat())
    if isinstance(cell, datetime.timedelta):
        return Other(f"a stretch of time, {cell}")
    return cell
