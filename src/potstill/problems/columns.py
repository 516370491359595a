"""Rows -> problems: which column holds which field of a problem, and what a field may hold.

Used for files and Hugging Face datasets alike; `Names` is also what a file of traces is read with.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from potstill.errors import DataError, RecipeError, nearest
from potstill.problems.conversations import column_of, question_of
from potstill.problems.rows import Row
from potstill.recipe import Source
from potstill.records import Kind, Problem

FIELDS: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "question": ("question", "problem"),
    "gold": ("gold", "answer"),
    "choices": ("choices",),
    "solution": ("solution",),
    "difficulty": ("difficulty",),
    "domain": ("domain",),
}
"""Field -> the columns it is looked for in where the recipe does not say."""
KINDS: dict[str, Kind] = {
    "number": "number", "integer": "number", "float": "number", "latex": "auto", "number_or_bool_or_list": "auto",
    "expression": "expression", "arithmetic_expression": "expression", "choice": "choice", "choice_text": "choice",
    "yes_no": "yes_no", "bool": "yes_no", "text_with_unit": "quantity", "code": "code",
}  # fmt: skip
"""What a column `gold_type` may say; anything else compares as text."""
TESTS = ("tests", "test_setup", "entry_point", "prompt")
"""Columns that say how a program is tested; a row with `tests` asks for one."""
_LOOK_AHEAD = 100
_NUMBER = re.compile(r"[-+]?\$?[-+]?(?:\d[\d,]{0,60}(?:\.\d{0,60})?|\.\d{1,60})(?:/\d{1,60})?%?")
_GOLD_MARK = "####"


class Names:
    """The column of each field, decided once from the recipe and the columns of the first rows."""

    def __init__(
        self, fields: Mapping[str, tuple[str, ...]], given: Mapping[str, str], columns: Iterable[str], file: str,
        where: str,
    ) -> None:  # fmt: skip
        self.file = file
        known = list(columns)
        for field, column in given.items():
            if field not in fields:
                raise RecipeError(f"{where}.columns: unknown field {field!r}{nearest(field, list(fields))}")
            if column and column not in known:
                raise DataError(f"{file} has no column {column!r} ({where}.columns.{field}){_columns(column, known)}")
        self.of: dict[str, str] = {field: column for field, column in given.items() if column}
        for field, usual in fields.items():
            found = next((column for column in usual if column in known), None)
            if field not in given and found is not None:
                self.of[field] = found
        self.known = known

    def need(self, field: str, where: str) -> None:
        """Raise DataError unless `field` has a column."""
        if field not in self.of:
            shown = ", ".join(self.known[:20])
            raise DataError(f"{self.file} has no column for the {field}: name one in {where}.columns (it has: {shown})")

    def get(self, row: Row, field: str) -> Any:  # noqa: ANN401 - whatever the file holds
        """Return the field's value, or None where the row or the file has none."""
        column = self.of.get(field)
        return None if column is None else row.get(column)


def _columns(column: str, known: list[str]) -> str:
    guess = nearest(column, known)
    return guess if guess.startswith(" (") else f"{guess} (it has: {', '.join(known[:20])})"


def look_ahead(rows: Iterator[tuple[str, Row]]) -> tuple[list[str], Iterator[tuple[str, Row]]]:
    """Return the columns that occur in the first 100 rows, and all rows."""
    first = list(itertools.islice(rows, _LOOK_AHEAD))
    columns = dict.fromkeys(column for _, row in first for column in row)
    return list(columns), itertools.chain(first, rows)


def problems(
    rows: Iterator[tuple[str, Row]], source: Source, *, file: str, prefix: str, label: str, where: str
) -> Iterator[Problem]:
    """Yield a problem for each row; the columns are the recipe's or, unsaid, those of `FIELDS`.

    Where no column holds the question but one a conversation, its first question is taken.
    A field mapped to an empty text is left out. Rows without an id get `prefix-N` with N their line or row number.
    Raises DataError naming `file` and the row; two rows with the same id are an error that names both.
    """
    columns, rows = look_ahead(rows)
    talk = column_of(columns)
    if talk is not None and "question" not in source.columns and not {*FIELDS["question"]} & {*columns}:
        columns, rows = [*columns, "question"], _asked(rows, talk, file)
    names = Names(FIELDS, source.columns, columns, file, where)
    names.need("question", where)
    seen: dict[str, str] = {}
    for place, row in rows:
        problem = _problem(names, row, source, f"{file}: {place}", f"{prefix}-{place.split()[-1]}", label)
        if problem.id in seen:
            raise DataError(f"{file}: {place} has the id {problem.id!r} of {seen[problem.id]}; ids must differ")
        seen[problem.id] = place
        yield problem


def _asked(rows: Iterator[tuple[str, Row]], column: str, file: str) -> Iterator[tuple[str, Row]]:
    for place, row in rows:
        yield place, {**row, "question": question_of(row.get(column), column, f"{file}: {place}")}


def _problem(names: Names, row: Row, source: Source, at: str, number: str, label: str) -> Problem:
    choices = _choices(names.get(row, "choices"), at)
    gold, worked = _gold(scalar(names.get(row, "gold"), "gold", at))
    kind = source.answer_kind or ("code" if row.get("tests") else _kind(row.get("gold_type"), gold, choices))
    return Problem(
        id=scalar(names.get(row, "id"), "id", at) or number,
        question=question(names, row, at),
        gold=gold,
        answer_kind=kind,
        choices=choices,
        domain=source.domain or scalar(names.get(row, "domain"), "domain", at) or "general",
        difficulty=_difficulty(names.get(row, "difficulty"), at),
        source=label,
        checker=source.checker or "",
        solution=scalar(names.get(row, "solution"), "solution", at) or worked,
        facts=tests_of(row) if kind == "code" else "{}",
    )


def tests_of(row: Row) -> str:
    """Return what a row says of a program's tests, as the JSON that `Problem.facts` holds."""
    return json.dumps({field: row[field] for field in TESTS if row.get(field)}, ensure_ascii=True)


def question(names: Names, row: Row, at: str) -> str:
    """Return the row's question; raises DataError where there is none."""
    column = names.of["question"]
    value = row.get(column)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise DataError(f"{at} has no question (column {column!r} is {'empty' if column in row else 'absent'})")
    if not isinstance(value, str):
        raise DataError(f"{at}: the question (column {column!r}) is not text but {_shown(value)}")
    return checked(value, "question", at)


def checked(text: str, field: str, at: str) -> str:
    """Return `text`; raises DataError for what no UTF-8 file or tokenizer can carry."""
    if "\0" in text:
        raise DataError(f"{at}: the {field} holds a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"{at}: the {field} holds half of a surrogate pair at character {error.start + 1}") from error
    return text


def scalar(value: object, field: str, at: str) -> str | None:
    """Return a text or number as text, with all its digits; None for an absent or empty one.

    Raises DataError for anything else, for infinities and for what is not a number.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return checked(value, field, at)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise DataError(f"{at}: the {field} is neither text nor a number but {_shown(value)}")
    if not isinstance(value, int) and not math.isfinite(value):
        raise DataError(f"{at}: the {field} is {value}, not a number")
    return repr(value) if isinstance(value, float) else str(value)


def _gold(gold: str | None) -> tuple[str | None, str | None]:
    """Return the gold, and the worked solution it ends where it is written GSM8K's way (`... #### 42`)."""
    if gold is None or _GOLD_MARK not in gold:
        return gold, None
    last = gold.rsplit(_GOLD_MARK, 1)[1].strip()
    return (last, gold) if last and "\n" not in last else (gold, None)


def _kind(gold_type: object, gold: str | None, choices: tuple[str, ...]) -> str:
    """Return how the answer compares: as `gold_type` says, else as gold and choices look."""
    if isinstance(gold_type, str) and gold_type:
        return KINDS.get(gold_type, "text")
    if choices:
        return "choice"
    return "number" if gold is None or _NUMBER.fullmatch(gold.strip()) else "auto"


def _choices(value: object, at: str) -> tuple[str, ...]:
    if isinstance(value, str) and value.strip().startswith("["):  # a CSV has no lists: JSON in a field
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{at}: the choices are not a list in JSON: {error}") from error
    if value is None or value == "":
        return ()
    if not isinstance(value, list):
        raise DataError(f"{at}: the choices are not a list but {_shown(value)}")
    texts = [scalar(item, "choice", at) for item in value]
    if None in texts:
        raise DataError(f"{at}: choice {texts.index(None) + 1} is empty")
    return tuple(text for text in texts if text is not None)


def _difficulty(value: object, at: str) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{at}: the difficulty is not a number but {_shown(value)}")
    return number


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
