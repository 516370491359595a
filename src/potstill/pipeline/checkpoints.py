"""Checkpoints by the names that people give them, as models in this process: a folder, a hub name, the packaged one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

from potstill.durable import read_record, to_record, write_durably
from potstill.errors import DamageError, RecipeError, nearest
from potstill.evaluate.protocol import ModelUnderTest
from potstill.graph import graph_of
from potstill.hardware import Precision
from potstill.models.local.chat import today
from potstill.models.local.inprocess import InProcess, identity, load_engine
from potstill.models.local.model import LocalModel
from potstill.pipeline import naming
from potstill.pipeline.naming import MODEL
from potstill.recipe import ArmTeacher, LocalTeacher, Student
from potstill.recipe_file import load
from potstill.store import Run
from potstill.temporary import temporary_folder
from potstill.train import students

Loaded = TypeVar("Loaded")
DAYS = "days.json"
"""Beside the ledgers: model -> the day, as `2026-11-29`, that its chat template is told instead of today's."""


def noted_days(ledgers: Path) -> dict[str, str]:
    """Return the days that chat templates were told, by model; nothing where none asked."""
    try:
        return read_record(ledgers / DAYS)
    except DamageError as error:
        raise DamageError(
            f"{error}: remove it, and models whose chat template tells the date are told today's"
        ) from None


def day_for(model: str, ledgers: Path) -> date:
    """Return the day on which a run first asked a model: one that goes on later must ask the same."""
    days = noted_days(ledgers)
    if model not in days:
        days[model] = today().isoformat()
        write_durably(ledgers / DAYS, to_record(days))
    return date.fromisoformat(days[model])


def local_teacher(teacher: LocalTeacher, data: Path, ledgers: Path) -> tuple[LocalTeacher, InProcess]:
    """Return a local teacher whose requests say which weights answer, and the model that answers them.

    A chat template that tells the date tells the day of the run's first question, which is noted in `ledgers`.
    """
    name = located(teacher.model, data)
    own = identity(name, teacher.precision, teacher.engine, teacher.engine_options)
    sampling = replace(teacher.sampling, extra={**teacher.sampling.extra, **own})
    day = partial(day_for, teacher.model, ledgers)
    load = unpacked(name, lambda folder: load_engine(teacher, folder, day))
    return replace(teacher, sampling=sampling), InProcess(teacher.model, load, teacher.batch)


def arm_teacher(teacher: ArmTeacher, checkpoint: Path | None, data: Path) -> tuple[LocalTeacher, InProcess]:
    """Return an arm as a local teacher under its name, and the model that answers; `checkpoint` is of this run's arm.

    Raises:
        RecipeError: the other run has no such arm, or it is not trained yet.
    """
    folder = str(checkpoint or arm_checkpoint(data / Path(teacher.run or "").expanduser(), teacher.arm))
    own = identity(folder, teacher.precision)
    sampling = replace(teacher.sampling, extra={**teacher.sampling.extra, **own})
    as_local = LocalTeacher(
        kind="local", model=teacher.arm, precision=teacher.precision, sampling=sampling, batch=teacher.batch,
        retry_max_tokens=teacher.retry_max_tokens,
    )  # fmt: skip
    return as_local, InProcess(teacher.arm, lambda: LocalModel(folder, teacher.precision), teacher.batch)


def arm_checkpoint(run: Path, arm: str) -> Path:
    """Return the checkpoint of an arm of a finished run.

    Raises:
        RecipeError: there is no such run or arm, or the arm is not trained yet.
    """
    if not (run / "recipe.yaml").is_file():
        raise RecipeError(f"teacher.run: {run} is no run folder: it has no recipe.yaml")
    graph = graph_of(load(str(run / "recipe.yaml")))
    if arm not in graph.arms:
        raise RecipeError(f"teacher.arm: {run} has no arm {arm!r}{nearest(arm, list(graph.arms))}")
    committed = Run(run).committed(naming.model(graph.arms[arm], graph))
    if committed is None:
        raise RecipeError(f"teacher.arm: the arm {arm!r} of {run} is not trained yet: run its recipe first")
    return committed.folder(MODEL)


def local_student(name: str, shown: str, precision: Precision, batch: int | None, ledgers: Path) -> ModelUnderTest:
    """Return a checkpoint as one who answers; `shown` is what its requests call it, `ledgers` as in `local_teacher`."""
    load = unpacked(name, lambda folder: LocalModel(folder, precision, partial(day_for, shown, ledgers)))
    return ModelUnderTest(InProcess(name, load, batch), shown, identity(name, precision), batch)


def located(name: str, data: Path) -> str:
    """Return the folder that a name stands for, relative to `data`, or the name itself."""
    folder = data / Path(name).expanduser()
    return str(folder) if folder.is_dir() else name


def unpacked(name: str, load: Callable[[str], Loaded]) -> Callable[[], Loaded]:
    """Return what loads a model by its name; the packaged one, which no name or folder leads to, is written first."""

    def loading() -> Loaded:
        if name != students.PACKAGED:
            return load(name)
        with temporary_folder("model") as folder:
            checkpoint = folder / "model"
            students.prepare(Student(model=name), lambda: (), 0, checkpoint)
            return load(str(checkpoint))

    return loading
