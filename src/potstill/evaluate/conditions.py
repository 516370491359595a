"""How a student is asked and judged: the part of its run that travels with its weights, in one small file.

Whoever measures an exported student later asks as its run did, or says what is different.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from potstill.durable import to_json
from potstill.errors import DataError
from potstill.hardware import Precision
from potstill.recipe import Checks, Evaluate, Recipe, Student

FILE = "potstill.json"
"""Beside the weights of an export."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What decides a figure besides weights and problems.

    Of `student` the prompt and the marks count. `judge` names the language model that the run asked beside the rules:
    its address and its price are the run's own and do not travel.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}
    student: Student
    evaluate: Evaluate
    checks: Checks
    precision: Precision
    seed: int
    judge: str = ""


def conditions_of(recipe: Recipe) -> Conditions:
    """Return how the students of a recipe are asked and judged, as far as it may travel."""
    student, checks = recipe.student, recipe.checks
    shown = Student(
        prompt=student.prompt, reasoning_open=student.reasoning_open, reasoning_close=student.reasoning_close
    )
    return Conditions(
        student=shown, evaluate=replace(recipe.evaluate, benchmarks=(), faithfulness=None),
        checks=replace(checks, judge=None, reward=None),
        precision=recipe.train.precision, seed=recipe.seed, judge=checks.judge.model if checks.judge else "",
    )  # fmt: skip


def written(conditions: Conditions) -> bytes:
    """Return the bytes of the file: equal conditions give equal bytes."""
    return to_json(json.loads(json.dumps(dataclasses.asdict(conditions))))


def read_conditions(checkpoint: Path) -> Conditions | None:
    """Return the conditions beside the weights of a checkpoint, None where there are none.

    Raises:
        DataError: the file is not one that potstill wrote: its first wrong key is named.
    """
    path = checkpoint / FILE
    if not path.is_file():
        return None
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Conditions).validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        said = f"{key}: {first['msg']}" if key else first["msg"]
    except OSError as error:
        said = str(error.strerror)
    raise DataError(f"{path} cannot be used ({said}): take it from the export again, or remove it to ask plainly")
