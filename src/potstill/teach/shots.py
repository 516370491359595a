"""Worked examples before the question: from a file, or drawn from the training problems; never from evaluation."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from potstill.damage import signed, unsigned
from potstill.durable import write_durably
from potstill.errors import DamageError, DataError, RecipeError, StoreError
from potstill.problems.columns import Names, question, scalar
from potstill.problems.rows import FileRows
from potstill.records import Problem, Trace, content_key
from potstill.teach.solutions import solution_trace

FIELDS: dict[str, tuple[str, ...]] = {
    "question": ("question", "problem"), "reasoning": ("reasoning", "solution"), "answer": ("answer",),
}  # fmt: skip
LONGEST = 8_000
"""Characters of a solution that may be drawn: a longer one would fill the teacher's context."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A question with its worked solution, as the teacher is shown it."""

    question: str
    reasoning: str
    answer: str

    @property
    def overlap_key(self) -> str:
        """Key that meets the same question in other case, spacing, punctuation or Unicode form."""
        return bare_key(self.question)


def bare_key(text: str) -> str:
    """Return the overlap key of a question alone, without choices."""
    return Problem(id="", question=text, gold=None).overlap_key


def question_keys(problem: Problem) -> set[str]:
    """Return the keys under which a shot may hold the problem's question: bare, and with its choices written out."""
    return {bare_key(problem.question), bare_key(problem.statement)}


def read_shots(name: str, data: Path, count: int, held_out: Iterable[Problem]) -> tuple[Shot, ...]:
    """Return the worked examples of a file (columns question, reasoning, answer), all of them, in its order.

    Raises:
        DataError: the file cannot be read, a row lacks a field, or one asks an evaluation problem.
        RecipeError: it holds fewer than `count`.
    """
    rows = FileRows(name=name, data=data, where="strategy.shots_file")
    names = Names(FIELDS, {}, rows, name, "strategy.shots_file")
    shots: dict[str, tuple[str, Shot]] = {}
    for place, row in rows:
        at = f"{name}: {place}"
        texts = {field: scalar(names.get(row, field), field, at) for field in ("reasoning", "answer")}
        for field, text in texts.items():
            if text is None:
                raise DataError(f"{at} has no {field}; a worked example has question, reasoning and answer")
        if names.column(row, "question") is None:
            raise DataError(f"{at} has no question; a worked example has question, reasoning and answer")
        shot = Shot(question(names, row, at), str(texts["reasoning"]), str(texts["answer"]))
        shots.setdefault(shot.overlap_key, (at, shot))
    for problem in held_out:
        for key in question_keys(problem) & shots.keys():
            raise DataError(
                f"{shots[key][0]} asks the evaluation problem {problem.id!r}: take it out of the worked examples"
            )
    if len(shots) < count:
        raise RecipeError(
            f"strategy.shots_file: {name} holds {len(shots)} worked examples, strategy.shots asks for {count}"
        )
    return tuple(shot for _, shot in shots.values())


def drawn_shots(
    training: Callable[[], Iterable[Problem]], held_out: Iterable[Problem], count: int, *, seed: int, kept: Path
) -> tuple[Shot, ...]:
    """Return `count` + 1 worked examples out of the training problems that have a solution, drawn by `seed`.

    One more than are shown, for the problem that is one of them. They are remembered in the file `kept`: as long as
    all of them are training problems they stay, so that new problems do not change what the old ones were asked with.

    Raises:
        RecipeError: too few training problems have a solution.
        StoreError: `kept` cannot be read or written.
    """
    refused = {key for problem in held_out for key in question_keys(problem)}
    before = _remembered(kept, seed, count)
    drawn: list[tuple[str, Shot]] = []
    still: set[Shot] = set()

    def worked() -> Iterator[tuple[str, Shot]]:
        for problem in training():
            if (shot := _shot(problem)) is None or shot.overlap_key in refused:
                continue
            if shot in before:
                still.add(shot)
            yield content_key(seed, "shot", problem.key), shot

    drawn = heapq.nsmallest(count + 1, worked(), key=lambda item: item[0])
    if before and still == set(before):
        return before
    _need(len(drawn), count)
    shots = tuple(shot for _, shot in drawn)
    kept.parent.mkdir(parents=True, exist_ok=True)
    held = signed({"seed": seed, "count": count, "shots": [asdict(shot) for shot in shots]})
    write_durably(kept, json.dumps(held, ensure_ascii=True, indent=1).encode())
    return shots


def check_drawn(training: Iterable[Problem], held_out: Iterable[Problem], count: int) -> None:
    """Raise RecipeError where `drawn_shots` would find too few training problems with a solution; draws nothing."""
    refused = {key for problem in held_out for key in question_keys(problem)}
    found = (shot for shot in map(_shot, training) if shot is not None and shot.overlap_key not in refused)
    _need(sum(1 for _ in islice(found, count)), count)


def _need(found: int, count: int) -> None:
    if found < count:
        raise RecipeError(
            f"strategy.kind few_shot: {found} training problems have a solution to show, strategy.shots asks for "
            f"{count}; name a file of worked examples in strategy.shots_file"
        )


def _shot(problem: Problem) -> Shot | None:
    if problem.solution is None or len(problem.solution) > LONGEST:
        return None
    trace: Trace | None = solution_trace(problem)
    if trace is None or not trace.reasoning or not trace.answer:
        return None
    return Shot(problem.statement, trace.reasoning, trace.answer)


def _remembered(kept: Path, seed: int, count: int) -> tuple[Shot, ...]:
    if not kept.exists():
        return ()
    try:
        held = unsigned(json.loads(kept.read_bytes()), kept)
        if (held["seed"], held["count"]) != (seed, count):
            return ()
        return tuple(Shot(**shot) for shot in held["shots"])
    except (OSError, ValueError) as error:
        raise StoreError(f"{kept} is damaged ({error}): remove it, worked examples are drawn again") from None
    except DamageError as error:
        raise DamageError(f"{error}: remove it, worked examples are drawn again") from None
