"""The shapes in which traces are published, told apart by their columns and brought to one row a trace.

    openr1          a problem with a list `generations`, as in OpenR1-Math-220k
    openthoughts    `conversations` with marks of thought and solution, as in OpenThoughts-114k, or its `metadata`
    sharegpt        `conversations` of `from` and `value`, as in OpenThoughts3
    messages        `messages` of `role` and `content`
    columns         anything else: a question, a response, perhaps reasoning, each in a column

Labels of correctness that such rows carry are not read: potstill's own verdicts decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from potstill.errors import DataError
from potstill.problems.cells import Row
from potstill.problems.conversations import column_of, exchange

Shape = Literal["openthoughts", "openr1", "sharegpt", "messages"]
SHAPES: tuple[Shape, ...] = ("openthoughts", "openr1", "sharegpt", "messages")
"""Shapes that can be written."""
_TEXTS = ("question", "response", "reasoning", "answer")
_QUESTIONS = ("question", "problem")
_DEEPSEEK = ("deepseek_reasoning", "deepseek_solution")


def unfold(rows: Iterable[tuple[str, Row]], given: Mapping[str, str], file: str) -> Iterator[tuple[str, Row]]:
    """Yield (place, row) with one trace a row, in the columns question, response, reasoning and finish.

    The shape is told for each row by itself. A place reads `line 7`, or `line 7, generation 2` where a row holds
    several. Other columns stay as they are. Rows of no known shape, and all rows where the recipe names the columns
    (`given`), are passed on.

    Raises:
        DataError: a row is not of the shape that its columns promise; names file and place.
    """
    if any(given.get(field) for field in _TEXTS):
        yield from rows
        return
    for place, row in rows:
        column, asked = column_of(row), any(row.get(name) for name in _QUESTIONS)
        if asked and row.get("response"):
            yield place, row
        elif row.get("generations") is not None:
            yield from _generations(row, place, f"{file}: {place}")
        elif row.get("problem") and any(row.get(name) is not None for name in _DEEPSEEK):
            yield place, {**row, "reasoning": row.get(_DEEPSEEK[0]), "response": row.get(_DEEPSEEK[1])}
        elif column is not None and not (asked and row[column] is None):
            yield place, _reply(row, column, f"{file}: {place}")
        else:
            yield place, row


def number_of(place: str) -> str:
    """Return the numbers of a place: `7` of `line 7`, `7.2` of `line 7, generation 2`, `b.jsonl:7` of its line 7."""
    file, _, own = place.rpartition(": ")
    return ":".join(filter(None, (file, ".".join(re.findall(r"\d+", own)))))


def _generations(row: Row, place: str, at: str) -> Iterator[tuple[str, Row]]:
    """Take a row of several generations apart; an incomplete one is truncated, whatever its finish reason says."""
    texts = row.get("generations")
    if not isinstance(texts, list):
        raise DataError(f"{at}: 'generations' is not a list but {type(texts).__name__}")
    finishes, complete = (_aligned(row, name, len(texts), at) for name in ("finish_reasons", "is_reasoning_complete"))
    rest = {name: value for name, value in row.items() if name not in ("generations", "messages")}
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"{at}: generation {number + 1} is not text but {type(text).__name__}")
        finish = "length" if complete[number] is False else finishes[number]
        yield f"{place}, generation {number + 1}", {**rest, "response": text, "finish": finish}


def _aligned(row: Row, name: str, length: int, at: str) -> list[object]:
    values = row.get(name)
    if values is None:
        return [None] * length
    if not isinstance(values, list) or len(values) != length:
        held = f"{len(values)} entries" if isinstance(values, list) else type(values).__name__
        raise DataError(f"{at}: {name!r} has {held} for {length} generations")
    return values


def _reply(row: Row, column: str, at: str) -> Row:
    found = exchange(row.get(column), column, at)
    question = next((row[name] for name in _QUESTIONS if isinstance(row.get(name), str) and row[name]), found.question)
    rest = {name: value for name, value in row.items() if name != column}
    return {**rest, "question": question, "response": found.reply, "reasoning": found.reasoning}
