"""Step labels read from a file: PRM800K, ProcessBench and Math-Shepherd rows, one record a solution.

PRM800K (Lightman et al. 2023): `question.problem` and `label.steps`, each with `completions` rated -1, 0 or 1.
ProcessBench (Zheng et al. 2024): `problem`, `steps` and `label`, the first wrong step from 0, or -1.
People's labels as `potstill view` keeps them: a folder, or one of its files; see `people.py`.
Math-Shepherd (Wang et al. 2023): `input`, each step ended by the letters "ки", and `label`, the same with + or -.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.errors import DataError
from potstill.problems.rows import FileRows

TAG = "ки"
"""What ends a step in Math-Shepherd's `input`."""
_RATINGS = (-1, 0, 1, None)
_SHAPES = (
    "question and label.steps (PRM800K), problem, steps and a number as label (ProcessBench), "
    "or input and label as texts (Math-Shepherd)"
)


@dataclass(frozen=True, slots=True)
class StepLabels:
    """A solution with a label for each step: 1 right, 0 neutral, -1 wrong, None unlabelled.

    `finish` is what PRM800K says of why its labelling ended (`solution`, `found_error`, ...), else empty.
    """

    id: str
    problem: str
    steps: tuple[str, ...]
    labels: tuple[int | None, ...]
    finish: str = ""

    @property
    def first_wrong_step(self) -> int | None:
        """The first step labelled wrong, counted from 0; None where none is."""
        return next((number for number, label in enumerate(self.labels) if label == -1), None)


def read_step_labels(path: Path) -> Iterator[StepLabels]:
    """Yield the labelled solutions of a file (JSONL, plain or gzip) or of a folder of people's labels.

    The shape is told by the keys of each row.

    A row of PRM800K gives the solution that was chosen step by step; where none was chosen the last step is the first
    completion offered. Raises DataError naming the file and the line.
    """
    if path.is_dir() or _is_of_people(path):
        yield from _of_people(path)
        return
    for place, row in FileRows(name=path.name, data=path.parent, where="step labels"):
        yield step_labels(row, f"{path}: {place}", f"{path.name}:{place.rpartition(' ')[2]}")


def _is_of_people(path: Path) -> bool:
    """Whether a file is one that `potstill view` writes."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(24).startswith(b'{"schema":1,"kind":')


def _of_people(path: Path) -> Iterator[StepLabels]:
    """Yield what people settled about steps; where they differ and nobody decided there is no label."""
    from potstill.verify.steps.people import read_sayings, settled

    for (kind, key), saying in settled(read_sayings(path)).items():
        if kind == "steps":
            yield StepLabels(key, saying.question, saying.steps, saying.ratings, saying.finish)


def step_labels(row: Mapping[str, Any], at: str, name: str) -> StepLabels:
    """Return the labelled solution of one row; `name` is its id where the row has none, `at` is for errors."""
    given = row.get("id")
    identity = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else name
    if isinstance(row.get("question"), dict) and isinstance(row.get("label"), dict):
        return _prm800k(row["question"], row["label"], at, identity)
    if isinstance(row.get("steps"), list) and "label" in row:
        return _process_bench(row, at, identity)
    if isinstance(row.get("input"), str) and isinstance(row.get("label"), str):
        return _math_shepherd(row["input"], row["label"], at, identity)
    raise DataError(f"{at} is of no known shape of step labels: it needs {_SHAPES}")


def _prm800k(question: Mapping[str, Any], label: Mapping[str, Any], at: str, identity: str) -> StepLabels:
    problem = _text(question.get("problem"), f"{at}: question.problem")
    rows = label.get("steps")
    if not isinstance(rows, list) or not rows:
        raise DataError(f"{at}: label.steps must be a list of at least one step")
    steps: list[str] = []
    labels: list[int | None] = []
    for number, row in enumerate(rows):
        where = f"{at}: label.steps[{number}]"
        chosen = _chosen(row, where)
        steps.append(_text(chosen.get("text"), f"{where}: text"))
        rating = chosen.get("rating")
        if isinstance(rating, bool) or rating not in _RATINGS:
            raise DataError(f"{where}: rating is {rating!r}, which must be -1, 0, 1 or null")
        labels.append(rating)
    finish = label.get("finish_reason")
    return StepLabels(identity, problem, tuple(steps), tuple(labels), finish if isinstance(finish, str) else "")


def _chosen(row: object, where: str) -> Mapping[str, Any]:
    """Return the completion of a step that the solution went on with."""
    if not isinstance(row, dict):
        raise DataError(f"{where} must be an object with completions")
    completions, chosen = row.get("completions") or [], row.get("chosen_completion")
    human = row.get("human_completion")
    if chosen is None and isinstance(human, dict):
        return human
    number = 0 if chosen is None else chosen
    if not isinstance(completions, list) or isinstance(number, bool) or not isinstance(number, int):
        raise DataError(f"{where}: completions must be a list and chosen_completion a number or null")
    if not 0 <= number < len(completions) or not isinstance(completions[number], dict):
        raise DataError(f"{where}: there is no completion {number} among {len(completions)}")
    return completions[number]  # type: ignore[no-any-return]


def _process_bench(row: Mapping[str, Any], at: str, identity: str) -> StepLabels:
    steps = tuple(_text(step, f"{at}: steps[{number}]") for number, step in enumerate(row["steps"]))
    label = row["label"]
    if isinstance(label, bool) or not isinstance(label, int) or not -1 <= label < len(steps):
        raise DataError(f"{at}: label is {label!r}, which must be -1 or the number of one of the {len(steps)} steps")
    labels: list[int | None] = [1] * len(steps)
    if label >= 0:
        labels[label:] = [-1, *([None] * (len(steps) - label - 1))]
    return StepLabels(identity, _text(row.get("problem"), f"{at}: problem"), steps, tuple(labels))


def _math_shepherd(tagged: str, label: str, at: str, identity: str) -> StepLabels:
    pieces = tagged.split(TAG)
    if len(pieces) == 1:
        raise DataError(f"{at}: input has no {TAG!r} after a step")
    labels: list[int | None] = []
    place = 0
    for number, piece in enumerate(pieces[:-1]):
        place += len(piece)
        sign = label[place : place + 1]
        if label[place - len(piece) : place] != piece or sign not in ("+", "-"):
            raise DataError(f"{at}: label is not input with + or - for each {TAG!r} (step {number + 1})")
        labels.append(1 if sign == "+" else -1)
        place += 1
    problem, mark, first = pieces[0].partition("Step 1:")
    steps = [mark + first if mark else pieces[0], *pieces[1:-1]]
    return StepLabels(
        identity, problem.strip() if mark else "", tuple(step.strip() for step in steps), tuple(labels)
    )  # fmt: skip


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise DataError(f"{what} must be a text, not {type(value).__name__}")
    return value
