"""Rows -> problems: which column holds which field of a problem, and what a field may hold.

Used for files and Hugging Face datasets alike; `Names` is also what a file of traces is read with.
"""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from potstill.errors import DataError, RecipeError, nearest
from potstill.problems.cells import Day, Literal, Row, plain_decimal
from potstill.problems.choices import Golds, Options, read_options
from potstill.problems.conversations import column_of, question_of
from potstill.problems.rows import row_id
from potstill.recipe import Source
from potstill.records import Problem

FIELDS: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "question": ("question", "problem"),
    "gold": (
        "gold",
        "answer",
        "answerKey",
        "final_answer",
        "correct_answer",
        "expected_answer",
        "reference_answer",
        "ground_truth",
        "target",
    ),
    "choices": ("choices", "options"),
    "solution": ("solution",),
    "difficulty": ("difficulty",),
    "domain": ("domain",),
}
"""Field -> the columns it is looked for in where the recipe does not say: in each row the first that holds anything.
Capitals make no difference: `Question`, `ANSWER`."""
GOLD_TYPES: dict[str, str] = {
    "number": "number", "integer": "number", "float": "number", "latex": "auto", "number_or_bool_or_list": "auto",
    "expression": "expression", "arithmetic_expression": "expression", "choice": "choice", "choice_text": "choice",
    "yes_no": "yes_no", "bool": "yes_no", "text_with_unit": "quantity", "code": "code",
}  # fmt: skip
"""What a column `gold_type` may say; anything else compares as text."""
TESTS = ("tests", "test_setup", "entry_point", "prompt")
"""Columns that say how a program is tested; a row with `tests` asks for one."""
_LONGEST = Source.max_characters
_LOOK_AHEAD = 100
_NUMBER = re.compile(r"[-+]?\$?[-+]?(?:\d[\d,]{0,60}(?:\.\d{0,60})?|\.\d{1,60})(?:/\d{1,60})?%?")
"""A gold that is a number: `-$1,200.50`, `3/4`, `35%`."""
_GOLD_MARK = "####"


class Names:
    """Which column holds each field, told for each row by the recipe and by what the row holds.

    `rows` are looked at as far as it takes to find the columns that the recipe names.
    """

    def __init__(
        self, fields: Mapping[str, tuple[str, ...]], given: Mapping[str, str], rows: Iterable[tuple[str, Row]],
        file: str, where: str,
    ) -> None:  # fmt: skip
        self.file, self.where, self.given = file, where, frozenset(given)
        self.folded: dict[tuple[str, ...], defaultdict[str, list[str]]] = {}
        for field in given:
            if field not in fields:
                raise RecipeError(f"{where}.columns: unknown field {field!r}{nearest(field, list(fields))}")
        self.of: dict[str, tuple[str, ...]] = {
            field: ((given[field],) if given[field] else ()) if field in given else usual
            for field, usual in fields.items()
        }
        wanted = {column for column in given.values() if column}
        self.known: dict[str, None] = {}
        for number, (_, row) in enumerate(rows):
            self.known.update(dict.fromkeys(row))
            if number >= _LOOK_AHEAD and wanted <= self.known.keys():
                break
        for field, column in given.items():
            if column and column not in self.known:
                known = list(self.known)
                raise DataError(f"{file} has no column {column!r} ({where}.columns.{field}){_columns(column, known)}")

    def column(self, row: Row, field: str) -> str | None:
        """Return the first column of the field that holds anything in this row, else the first that it has."""
        there = [column for name in self.of[field] for column in self._spelt(name, row, field)]
        return next((column for column in there if not _empty(row[column])), there[0] if there else None)

    def _spelt(self, name: str, row: Row, field: str) -> list[str]:
        """Return the columns that a name means in a row; one that the recipe gives has to be spelt as there."""
        if field in self.given:
            return [name] if name in row else []
        keys = tuple(row)
        if keys not in self.folded:
            if len(self.folded) > _LOOK_AHEAD:
                self.folded.clear()
            found = self.folded[keys] = defaultdict(list)
            for key in keys:
                found[key.casefold()].append(key)
        return sorted(self.folded[keys].get(name.casefold(), []), key=lambda column: column != name)

    def get(self, row: Row, field: str) -> Any:  # noqa: ANN401 - whatever the file holds
        """Return the field's value, or None where the row has none."""
        column = self.column(row, field)
        return None if column is None else row[column]

    def need(self, row: Row, field: str, at: str) -> str:
        """Return the column of `field` that holds something in this row; raises DataError where none does."""
        column = self.column(row, field)
        if column is not None and not _empty(row[column]):
            return column
        usual = next((name for name in self.of[field] if name in self.known), None)
        if column is None and usual is None:
            shown = ", ".join([*row][:20])
            told = f"name one in {self.where}.columns (it has: {shown})"
            raise DataError(f"{at} has no column for the {field}: {told}")
        told = f"column {column!r} is empty" if column is not None else f"column {usual!r} is absent"
        raise DataError(f"{at} has no {field} ({told})")


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _columns(column: str, known: list[str]) -> str:
    guess = nearest(column, known)
    return guess if guess.startswith(" (") else f"{guess} (it has: {', '.join(known[:20])})"


def problems(
    rows: Iterable[tuple[str, Row]], source: Source, *, file: str, prefix: str, label: str, where: str
) -> Iterator[Problem]:
    """Yield a problem for each row; the columns are the recipe's or, unsaid, those of `FIELDS`.

    `rows` can be iterated again and again. Where no column of a row holds the question but one a conversation, its
    first question is taken. A field mapped to an empty text is left out. Rows without an id get `prefix-N` with N their
    line or row number. Raises DataError naming `file` and the row; two rows with the same id are an error that names
    both.
    """
    reader = _ColumnReader(Names(FIELDS, source.columns, rows, file, where), source, rows, label)
    seen: dict[str, str] = {}
    for place, row in rows:
        problem = reader.problem(row, f"{file}: {place}", row_id(prefix, place))
        if problem.id in seen:
            raise DataError(f"{file}: {place} has the id {problem.id!r} of {seen[problem.id]}; ids must differ")
        seen[problem.id] = place
        yield problem


class _ColumnReader:
    """Rows of one source as problems."""

    def __init__(self, names: Names, source: Source, rows: Iterable[tuple[str, Row]], label: str) -> None:
        self.names, self.source, self.rows, self.label = names, source, rows, label
        remedy = f"say which in {names.where}.gold_names (label, text, index_from_0, index_from_1)"
        self.golds = Golds(source.gold_names, self._everything, remedy)

    def problem(self, row: Row, at: str, number: str) -> Problem:
        row = self._asked(row, at)
        source, longest = self.source, self.source.max_characters
        options, gold, kind, worked = self._judged(row, at)
        return Problem(
            id=self._text(row, "id", at) or number,
            question=question(self.names, row, at, longest),
            gold=self.golds.letter(options, gold, kind, at),
            answer_kind=kind,
            choices=options.texts,
            domain=source.domain or self._text(row, "domain", at) or "general",
            difficulty=_difficulty(self.names.get(row, "difficulty"), at),
            source=self.label,
            checker=source.checker or "",
            solution=self._text(row, "solution", at) or worked,
            facts=tests_of(row, at) if kind == "code" else "{}",
        )

    def _text(self, row: Row, field: str, at: str) -> str | None:
        return scalar(self.names.get(row, field), field, at, self.source.max_characters)

    def _asked(self, row: Row, at: str) -> Row:
        """Return the row with the question of its conversation, where it has none of its own."""
        column = self.names.column(row, "question")
        if "question" in self.source.columns or (column is not None and not _empty(row[column])):
            return row
        talk = column_of(row)
        if talk is None or (row[talk] is None and column is not None):
            return row
        asked = question_of(row[talk], talk, at)
        return {**row, self.names.of["question"][0]: asked}

    def _judged(self, row: Row, at: str) -> tuple[Options, str | None, str, str | None]:
        """Return the options, the gold as written, how it compares, and the worked solution that stood with it."""
        options = read_options(self.names.get(row, "choices"), at, scalar)
        value = self.names.get(row, "gold")
        gold, worked = _gold(scalar(value, "gold", at, self.source.max_characters))
        own = "code" if row.get("tests") else _kind(row.get("gold_type"), value, gold, options.texts)
        return options, gold, self.source.answer_kind or own, worked

    def _everything(self) -> Iterator[tuple[Options, str | None, str]]:
        return (self._judged(row, f"{self.names.file}: {place}")[:3] for place, row in self.rows)


def tests_of(row: Row, at: str) -> str:
    """Return what a row says of a program's tests, as the JSON that `Problem.facts` holds."""
    try:
        return json.dumps({field: row[field] for field in TESTS if row.get(field)}, ensure_ascii=True)
    except TypeError as error:
        raise DataError(f"{at}: the tests hold what JSON cannot: {error}") from None


def question(names: Names, row: Row, at: str, longest: int = _LONGEST) -> str:
    """Return the row's question; raises DataError where there is none."""
    column = names.need(row, "question", at)
    if not isinstance(row[column], str):
        raise DataError(f"{at}: the question (column {column!r}) is not text but {_shown(row[column])}")
    return checked(row[column], "question", at, longest)


def checked(text: str, field: str, at: str, longest: int = _LONGEST) -> str:
    """Return `text`; raises DataError where it is too long, and for what no UTF-8 file or tokenizer can carry."""
    bounded(text, field, at, longest)
    if "\0" in text:
        raise DataError(f"{at}: the {field} holds a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"{at}: the {field} holds half of a surrogate pair at character {error.start + 1}") from error
    return text


def bounded(text: str, field: str, at: str, longest: int) -> None:
    """Raise DataError for a text of more than `longest` characters.

    An absurd text is told where it is read: every later step would hold it several times, or never end.
    """
    if len(text) > longest:
        told = f"{len(text):,} characters, more than {longest:,}; take the row out, or raise max_characters"
        raise DataError(f"{at}: the {field} has {told}")


def scalar(value: object, field: str, at: str, longest: int = _LONGEST) -> str | None:
    """Return a text, number or truth value as text, with all its digits; None for an absent or empty one.

    Raises DataError for anything else, for infinities and for what is not a number.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return checked(value, field, at, longest)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Literal):
        return value.text
    if not isinstance(value, (int, float, Decimal)):
        raise DataError(f"{at}: the {field} is neither text nor a number but {_shown(value)}; write it as text")
    if not isinstance(value, int) and not math.isfinite(value):
        raise DataError(f"{at}: the {field} is {value}, not a number")
    if isinstance(value, Decimal):
        return plain_decimal(value)
    return repr(value) if isinstance(value, float) else str(value)


def _gold(gold: str | None) -> tuple[str | None, str | None]:
    """Return the gold, and the worked solution it ends where it is written GSM8K's way (`... #### 42`)."""
    if gold is None or _GOLD_MARK not in gold:
        return gold, None
    last = gold.rsplit(_GOLD_MARK, 1)[1].strip()
    return (last, gold) if last and "\n" not in last else (gold, None)


def _kind(gold_type: object, value: object, gold: str | None, choices: tuple[str, ...]) -> str:
    """Return how the answer compares: as `gold_type` says, else as the gold's own type, gold and choices look."""
    if isinstance(gold_type, str) and gold_type:
        return GOLD_TYPES.get(gold_type, "text")
    if choices:
        return "choice"
    if isinstance(value, bool):
        return "yes_no"
    if isinstance(value, Day):
        return "date"
    return "number" if gold is None or _NUMBER.fullmatch(gold.strip()) else "auto"


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
    text = reprlib.repr(value)  # bounded, whatever the value
    return text if len(text) <= 60 else f"{text[:57]}..."
