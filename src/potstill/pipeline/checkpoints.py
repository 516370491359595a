"""Checkpoints by the names that people give them, as models in this process: a folder, a hub name, the packaged one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from potstill.evaluate.protocol import Respondent
from potstill.models.inprocess import Engine, InProcess, identity, load_engine
from potstill.models.local import LocalModel
from potstill.recipe import LocalTeacher, Student
from potstill.temporary import temporary_folder
from potstill.train import students


def local_teacher(teacher: LocalTeacher, data: Path) -> tuple[LocalTeacher, InProcess]:
    """Return a local teacher whose requests say which weights answer, and the model that answers them."""
    name = located(teacher.model, data)
    own = identity(name, teacher.precision, teacher.engine, teacher.engine_options)
    sampling = replace(teacher.sampling, extra={**teacher.sampling.extra, **own})
    load = unpacked(name, lambda folder: load_engine(teacher, folder))
    return replace(teacher, sampling=sampling), InProcess(teacher.model, load, teacher.batch)


def local_student(name: str, shown: str, precision: Literal["bf16", "fp32"], batch: int | None) -> Respondent:
    """Return a checkpoint as one who answers; `shown` is what its requests call it."""
    load = unpacked(name, lambda folder: LocalModel(folder, precision))
    return Respondent(InProcess(name, load, batch), shown, identity(name, precision), batch)


def located(name: str, data: Path) -> str:
    """Return the folder that a name stands for, relative to `data`, or the name itself."""
    folder = data / Path(name).expanduser()
    return str(folder) if folder.is_dir() else name


def unpacked(name: str, load: Callable[[str], Engine]) -> Callable[[], Engine]:
    """Return what loads a model by its name; the packaged one, which no name or folder leads to, is written first."""

    def loading() -> Engine:
        if name != students.PACKAGED:
            return load(name)
        with temporary_folder("model") as folder:
            checkpoint = folder / "model"
            students.prepare(Student(model=name), lambda: (), 0, checkpoint)
            return load(str(checkpoint))

    return loading
