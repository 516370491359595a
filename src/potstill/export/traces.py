"""Traces as the data sets that others publish and train on: one JSON object a line, in one of four shapes."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from potstill.durable import sync, writing
from potstill.errors import DataError, RecipeError, nearest
from potstill.marks import MARKS, holds_mark
from potstill.records import GoldSource, Outcome, Problem, Trace, Verdict
from potstill.teach.shapes import SHAPES
from potstill.text import Closing, Split, join, split_response

Row = tuple[Problem, Trace, Verdict | None, GoldSource]
"""A problem with the gold that the trace was judged by, the trace, its verdict if any, and where the gold is from."""
_SOLUTION = ("<|begin_of_solution|>", "<|end_of_solution|>")
_CORRECT: dict[Outcome | None, bool | None] = {"right": True, "wrong": False, "unknown": None, None: None}


def write_traces(rows: Iterable[Row], shape: str, path: Path) -> int:
    """Write traces to the JSONL file `path` in a shape of `teach.shapes.SHAPES`; return the number of lines.

    Under `openr1` successive traces of one problem and teacher share a line; elsewhere each has its own. What potstill
    reads back has the same reasoning, answer and finish, without the white space around them. A crash leaves no file,
    or the one that was there.

    Raises:
        RecipeError: no such shape.
        DataError: a text holds marks of thinking of every kind there is, so that none can mark its end.
        StoreError: the file cannot be written.
    """
    if shape not in _WRITERS:
        raise RecipeError(f"no shape {shape!r} of traces{nearest(shape, SHAPES)}")
    lines = 0
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        try:
            with temporary.open("wb") as file:
                for row in _WRITERS[shape](rows):
                    text = json.dumps(row, ensure_ascii=False)
                    # Half surrogate pairs, as cut-off streams leave them, become U+FFFD.
                    file.write(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode() + b"\n")
                    lines += 1
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync(path.parent)
    return lines


def _openthoughts(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    for problem, trace, verdict, source in rows:
        turns = [
            {"from": "user", "value": problem.statement},
            {"from": "assistant", "value": marked(trace, "begin_of_thought")},
        ]
        yield {"system": "", "conversations": turns, **_beside(problem, trace, verdict, source)}


def _sharegpt(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    for problem, trace, verdict, source in rows:
        turns = [{"from": "human", "value": problem.statement}, {"from": "gpt", "value": marked(trace, "think")}]
        yield {"conversations": turns, **_beside(problem, trace, verdict, source)}


def _messages(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    for problem, trace, verdict, source in rows:
        yield {"messages": _turns(problem, marked(trace, "think")), **_beside(problem, trace, verdict, source)}


def _openr1(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    for _, group in itertools.groupby(rows, key=lambda row: (row[0].key, row[1].teacher)):
        samples = list(group)
        (problem, _, _, source), traces = samples[0], [trace for _, trace, _, _ in samples]
        texts = [marked(trace, "think") for trace in traces]
        correct = [_CORRECT[verdict.outcome if verdict else None] for _, _, verdict, _ in samples]
        shown = next((text for text, right in zip(texts, correct, strict=True) if right), texts[0])
        yield {
            "problem": problem.statement,
            "solution": problem.solution,
            "answer": problem.gold,
            "gold_source": source,
            "problem_type": problem.domain,
            "source": problem.source,
            "uuid": problem.key,
            "generations": texts,
            "is_reasoning_complete": [trace.finish != "length" for trace in traces],
            "finish_reasons": [trace.finish for trace in traces],
            "correctness_potstill": correct,
            "correctness_count": correct.count(True),
            "messages": _turns(problem, shown),
            "model": traces[0].teacher,
        }


_WRITERS: dict[str, Callable[[Iterable[Row]], Iterator[dict[str, Any]]]] = {
    "openthoughts": _openthoughts,
    "openr1": _openr1,
    "sharegpt": _sharegpt,
    "messages": _messages,
}


def marked(trace: Trace, family: str) -> str:
    """Return a trace as one text, its reasoning between the marks of a family of `marks.MARKS`.

    Reasoning of a truncated trace has no closing mark, an answer without reasoning empty marks before it: so both can
    be told from the text.

    Raises:
        DataError: the trace holds marks of its own, so that nobody could tell them from these.
    """
    reasoning, answer = trace.reasoning.strip(), trace.answer.strip()
    cut = trace.finish == "length" and not answer
    wanted = Split(reasoning, answer, family, Closing.NEVER if cut else Closing.BOTH)
    text = _with_solution(wanted) if family == "begin_of_thought" and not cut else join(wanted)
    if holds_mark(reasoning) or holds_mark(answer) or split_response(text) != wanted:
        raise DataError(f"trace {trace.key} ({trace.source}) holds marks of thinking of its own: leave it out")
    return text


def _with_solution(split: Split) -> str:
    opening, closing = MARKS["begin_of_thought"]
    begin, end = _SOLUTION
    return f"{opening}\n\n{split.reasoning}\n\n{closing}\n\n{begin}\n\n{split.answer}\n\n{end}"


def _turns(problem: Problem, text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": problem.statement}, {"role": "assistant", "content": text}]


def _beside(problem: Problem, trace: Trace, verdict: Verdict | None, source: GoldSource) -> dict[str, Any]:
    return {
        "id": trace.key,
        "problem_id": problem.id,
        "domain": problem.domain,
        "source": problem.source,
        "gold": problem.gold,
        "gold_source": source,
        "model": trace.teacher,
        "finish_reason": trace.finish,
        "correct": _CORRECT[verdict.outcome if verdict else None],
    }
