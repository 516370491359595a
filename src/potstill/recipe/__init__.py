"""The frozen `Recipe`: everything that a run is told, with the bounds of every value.

`recipe_file` reads and writes it as YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from potstill.recipe.bounds import Name, Seed
from potstill.recipe.checks import Checks, CodeChecks, Curate, Judge, Numbers, Policy, Reward
from potstill.recipe.problems import PROBLEM_COLUMNS, Problems, Source
from potstill.recipe.scopes import Beside
from potstill.recipe.students import Evaluate, Export, Lora, Loss, Match, Scratch, Student, Train
from potstill.recipe.teachers import (
    ArmTeacher,
    AskedTeacher,
    DatasetTeacher,
    LocalTeacher,
    Price,
    Sampling,
    ServedTeacher,
    SolutionsTeacher,
    Strategy,
    Teacher,
    Terms,
    WorkedTeacher,
)
from potstill.tables import OneOf

__all__ = [
    "PROBLEM_COLUMNS",
    "SECTIONS",
    "ArmTeacher",
    "AskedTeacher",
    "Checks",
    "CodeChecks",
    "Curate",
    "DatasetTeacher",
    "Evaluate",
    "Export",
    "Judge",
    "LocalTeacher",
    "Lora",
    "Loss",
    "Match",
    "Numbers",
    "Policy",
    "Price",
    "Problems",
    "Recipe",
    "Reward",
    "Sampling",
    "Scratch",
    "ServedTeacher",
    "SolutionsTeacher",
    "Source",
    "Strategy",
    "Student",
    "Teacher",
    "Terms",
    "Train",
    "WorkedTeacher",
]  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """One run, whole."""

    name: Name
    problems: Problems
    teacher: Teacher
    student: Student
    seed: Seed = 0
    data: str = "."
    """Folder that relative files are looked up in; `.` is the folder of the recipe (of the shell for shipped ones)."""
    strategy: Strategy = Strategy()
    checks: Checks = Checks()
    curate: Curate = Curate()
    train: Train = Train(epochs=1.0)
    evaluate: Evaluate = Evaluate()
    export: Export = Export()
    sets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name -> what differs from the sections above (`teacher`, `strategy`, `checks`, `curate`); `from: SET` takes its
    traces from another. Empty means one set, `traces`."""
    arms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name -> one line of the table: what differs in `student` and `evaluate`, and `train`, one phase or a list;
    without `train` an arm stays untouched. `from: ARM` starts from another, `rounds: N` repeats asking and training.
    Empty means `base`, `answers` and `traces`."""
    scorers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name -> a reward model that is trained from labels; its `kind` is one of the table SCORERS."""
    report_to: Beside[tuple[Annotated[str, OneOf("potstill.trackers:TRACKERS")], ...]] = ()
    """Trackers that are told losses, learning rate, held-out figures and what came out, arm by arm. The run folder has
    all of it anyway."""
    deliver: Name | None = None
    """The arm that is exported and that the report is about; `null` takes `traces`, else the last trained one."""


SECTIONS = (
    Source, Problems, WorkedTeacher, Sampling, Price, Terms, ServedTeacher, LocalTeacher, DatasetTeacher,
    SolutionsTeacher, ArmTeacher, Strategy, Numbers, Policy, CodeChecks, Judge, Reward, Checks, Curate, Scratch, Lora,
    Student, Loss, Match, Train, Evaluate, Export, Recipe,
)  # fmt: skip
for _section in SECTIONS:
    setattr(_section, "__pydantic_config__", {"extra": "forbid", "strict": True})  # noqa: B010 - for every section
