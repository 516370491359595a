"""Conversations in rows, as ShareGPT (`from`, `value`) and chat templates (`role`, `content`) write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from potstill.errors import DataError, nearest
from potstill.models.replies.fields import answer_of, reasoning_of
from potstill.problems.cells import parse_json

_ROLES = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "chatgpt": "assistant", "bot": "assistant",
}  # fmt: skip
COLUMNS = ("conversations", "messages")
"""Columns in which published rows hold a conversation."""
LOOKED_AT = 400
"""Characters at the end of a question in which a sentence on the form of the answer may stand."""
_LEADING = re.compile(r"\A\s*[^.\n]{0,160}\\boxed\{\s{0,4}\}[^.\n]{0,40}\.\s+")
"""`Return your final response within \\boxed{}. ` before a question."""
_TRAILING = re.compile(r"(?<=[\s.?!])[^.\n]{0,160}\\boxed\{\s{0,4}\}[^\w\n]{0,8}\Z")
"""`Put your final answer within \\boxed{}.` after a question."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The first question of a conversation and the reply to it; `reasoning` where the reply has it in a field."""

    question: str
    reply: str
    reasoning: str = ""


def column_of(row: Mapping[str, object]) -> str | None:
    """Return the column of a row that holds a conversation, else one that should; None where there is none."""
    there = [name for name in COLUMNS if name in row]
    return next((name for name in there if row[name] is not None), there[0] if there else None)


def question_of(turns: object, column: str, at: str) -> str:
    """Return the first question of a conversation, whether or not there is a reply to it.

    Raises:
        DataError: it is no list of turns, or asks nothing; `at` names the file and the row.
    """
    for role, text, _ in _spoken(turns, column, at):
        if role == "user":
            return text
    raise DataError(f"{at}: the conversation in {column!r} has no question")


def exchange(turns: object, column: str, at: str) -> Exchange:
    """Return the first exchange of a conversation; what follows it has no question of its own and is left out.

    Raises:
        DataError: it is no list of turns, or lacks a question or a reply; `at` names the file and the row.
    """
    question: str | None = None
    for role, text, turn in _spoken(turns, column, at):
        if role == "user" and question is None:
            question = text
        elif role == "assistant" and question is not None:
            reasoning, _ = reasoning_of({**turn, "content": turn.get("content", turn.get("value"))})
            return Exchange(question, text, reasoning)
    raise DataError(f"{at}: the conversation in {column!r} has no {'question' if question is None else 'reply'}")


def without_instruction(question: str) -> str:
    """Return a question without the sentence before or after it that asks for the answer in an empty `\\boxed{}`.

    Published sets of traces keep such sentences in their questions (`Return your final response within \\boxed{}.`).
    """
    rest = _LEADING.sub("", question.strip())
    before, end = rest[:-LOOKED_AT], rest[-LOOKED_AT:]
    return f"{before}{_TRAILING.sub('', end)}".strip()


def _spoken(turns: object, column: str, at: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield role, text and the whole of each turn."""
    for number, turn in enumerate(_listed(turns, column, at), 1):
        here = f"{at}: turn {number} of {column!r}"
        if not isinstance(turn, dict):
            raise DataError(f"{here} is not an object but {type(turn).__name__}")
        yield *_turn(turn, here), turn


def _listed(turns: object, column: str, at: str) -> list[Any]:
    if isinstance(turns, str) and turns.lstrip().startswith("["):  # a CSV has no lists: JSON in a field
        try:
            turns = parse_json(turns)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{at}: {column!r} is not a list in JSON: {error}") from error
    if not isinstance(turns, list):
        raise DataError(f"{at}: {column!r} is not a list of turns but {type(turns).__name__}")
    return turns


def _turn(turn: dict[str, Any], here: str) -> tuple[str, str]:
    named, text = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
    role = _ROLES.get(named.casefold()) if isinstance(named, str) else None
    if role is None:
        raise DataError(f"{here}: unknown role {str(named)[:60]!r}{nearest(str(named)[:60], list(_ROLES))}")
    if isinstance(text, list | dict):  # parts: [{"type": "text", "text": ...}], of which some may be reasoning
        text = answer_of({"content": text})
    if text is None:
        text = ""
    if not isinstance(text, str):
        raise DataError(f"{here}: its text is not text but {type(text).__name__}")
    return role, text
