"""A teacher that is a file: traces that some model wrote before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from potstill.errors import DataError, nearest
from potstill.problems.cells import Row
from potstill.problems.choices import read_options
from potstill.problems.columns import GOLD_TYPES, Names, bounded, question, scalar
from potstill.problems.conversations import without_instruction
from potstill.problems.rows import FileRows, stem
from potstill.recipe import DatasetTeacher
from potstill.records import Finish, Problem, Trace, content_key
from potstill.teach.plain import split_plain
from potstill.teach.shapes import number_of, unfold
from potstill.text import Closing, divide_fields, split_response

FIELDS: dict[str, tuple[str, ...]] = {
    "id": (),
    "question": ("question", "problem"),
    "choices": ("choices", "options"),
    "response": ("response",),
    "reasoning": ("reasoning", "reasoning_content", "thinking"),
    "answer": (),
    "model": ("model",),
    "finish": ("finish", "finish_reason", "stop_reason", "done_reason"),
}
"""Field -> the columns it is looked for in. `id` and `answer` only where the recipe names them: ids of traces are often
those of their problems, and a column `answer` often holds the gold."""
_CUT = ("truncated", "is_truncated")
"""Columns of truth values that say that a limit ended the response."""
_FINISHES: dict[str, Finish] = {
    "stop": "stop", "eos": "stop", "end_turn": "stop", "stop_sequence": "stop",
    "length": "length", "max_tokens": "length", "model_length": "length",
    "refused": "refused", "refusal": "refused", "content_filter": "refused",
    "failed": "failed", "error": "failed",
}  # fmt: skip


class ProblemIndex:
    """Finds a known problem by a question that may differ in case, spacing, punctuation or Unicode form."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self._keys: dict[str, str] = {}
        asked: dict[str, str | None] = {}
        for problem in problems:
            self._keys.setdefault(problem.overlap_key, problem.key)
            if problem.choices:
                self._keys.setdefault(_bare(problem.statement).overlap_key, problem.key)
                words = _bare(problem.question).overlap_key
                asked[words] = problem.key if words not in asked else None
        for (
            words,
            key,
        ) in asked.items():  # the question alone names a problem only where one set of choices goes with it
            if key is not None:
                self._keys.setdefault(words, key)

    def key_of(self, question: str, choices: tuple[str, ...] = ()) -> str | None:
        """Return the content key of the problem, or None if no problem matches."""
        found = self._keys.get(_bare(question, choices).overlap_key)
        return found if found is not None or not choices else self._keys.get(_bare(question).overlap_key)


def read_traces(teacher: DatasetTeacher, data: Path, problems: ProblemIndex) -> Iterator[Trace]:
    """Yield the traces of the teacher's file, in its order, whether or not `problems` knows their questions.

    The shape of its rows is told from its columns, see `teach.shapes`. Reasoning is read from its own column, where
    that holds any (then the answer is the answer column, or the response), else cut from the response, or from the
    answer column where there is no response. `sample` counts the traces of the same problem and model. Rows of other
    models than `teacher.models` are passed over. Raises DataError naming the file and the line or row.
    """
    names, rows = _opened(teacher, data)
    samples: Counter[tuple[str, str]] = Counter()
    models: set[str] = set()
    for place, row in rows:
        at = f"{teacher.file}: {place}"
        model = scalar(names.get(row, "model"), "model", at) or stem(teacher.file)
        models.add(model)
        if teacher.models and model not in teacher.models:
            continue
        key = _problem_key(names, row, problems, at)
        trace_id = scalar(names.get(row, "id"), "id", at)
        source = f"{teacher.file}:{number_of(place)}" + (f" ({trace_id})" if trace_id else "")
        yield _trace(names, row, key, model, samples[key, model], at, source, teacher.max_characters)
        samples[key, model] += 1
    for wanted in teacher.models:
        if wanted not in models:
            raise DataError(
                f"teacher.models: {teacher.file} has no traces of {wanted!r}{nearest(wanted, list(models))}"
            )


def _opened(teacher: DatasetTeacher, data: Path) -> tuple[Names, Iterator[tuple[str, Row]]]:
    held = FileRows(
        name=teacher.file,
        data=data,
        where="teacher.file",
        delimiter=teacher.delimiter,
        max_characters=teacher.max_characters,
    )
    looked = unfold(held, teacher.columns, teacher.file)
    return Names(FIELDS, teacher.columns, looked, teacher.file, "teacher"), unfold(held, teacher.columns, teacher.file)


def _trace(names: Names, row: Row, key: str, model: str, sample: int, at: str, source: str, longest: int) -> Trace:
    apart = any(column in names.known for column in names.of["reasoning"])  # a refused row may lack its own
    if not any(column in names.known for column in names.of["response"]) and not (
        apart and names.column(row, "answer")
    ):
        names.need(row, "response", at)
    response = _text(names, row, "response", at, longest) or _text(names, row, "answer", at, longest)
    reasoning = _text(names, row, "reasoning", at, longest)
    finish = _finish(names.get(row, "finish"), at)
    if finish in (None, "stop") and any(row.get(name) is True for name in _CUT):
        finish = "length"
    split = split_response(response)
    own = reasoning and names.column(row, "answer") is not None
    if finish is None:
        finish = "length" if split.closing is Closing.NEVER else "stop"
    reasoning, answer = divide_fields(reasoning, _text(names, row, "answer", at, longest) if own else response)
    if not reasoning and split.marks == "none" and finish == "stop":
        reasoning, answer = split_plain(answer, *_asked(row, names, at))
    return Trace(
        problem_key=key,
        teacher=model,
        strategy="dataset",
        prompt_key=content_key("dataset", reasoning, answer),  # the prompt is unknown: an edited row is another trace
        sample=sample,
        attempt=0,
        sampling="{}",
        reasoning=reasoning,
        answer=answer,
        finish=finish,
        reasoning_kind="raw" if reasoning else "none",
        source=source,
    )


def _asked(row: Row, names: Names, at: str) -> tuple[str, tuple[str, ...]]:
    """Return the answer kind and the choices of a row, as far as it says."""
    choices = read_options(names.get(row, "choices"), at, scalar).texts
    return GOLD_TYPES.get(str(row.get("gold_type") or "number"), "text"), choices


def _problem_key(names: Names, row: Row, problems: ProblemIndex, at: str) -> str:
    text = question(names, row, at)
    kind, choices = _asked(row, names, at)
    for asked in dict.fromkeys((text, without_instruction(text))):
        known = problems.key_of(asked, choices)
        if known is not None:
            return known
    return Problem(id="", question=text, gold=None, answer_kind=kind, choices=choices).key


def _text(names: Names, row: Row, field: str, at: str, longest: int) -> str:
    """Return a column of model text, without surrounding white space; empty where the row has none.

    Half surrogate pairs, as cut-off streams leave them, become U+FFFD.
    """
    column = names.column(row, field)
    value: Any = None if column is None else row[column]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{at}: the {field} (column {column!r}) is not text but {type(value).__name__}")
    bounded(value, field, at, longest)
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()


def _finish(value: object, at: str) -> Finish | None:
    if value is None or value == "":
        return None
    found = _FINISHES.get(str(value).casefold())
    if found is None:
        raise DataError(f"{at}: unknown finish {str(value)[:60]!r}{nearest(str(value)[:60], list(_FINISHES))}")
    return found


def _bare(question: str, choices: tuple[str, ...] = ()) -> Problem:
    return Problem(id="", question=question, gold=None, choices=choices)
