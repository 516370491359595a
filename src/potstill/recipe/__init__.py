"""The frozen `Recipe`: everything that a run is told, with the bounds of every value.

`recipe_file` reads and writes it as YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from potstill.recipe.also import Also
from potstill.recipe.benchmarks import Benchmark, Faithfulness, Paraphraser
from potstill.recipe.bounds import Name, Seed
from potstill.recipe.checks import (
    Checks,
    CodeChecks,
    Curate,
    FaithFilter,
    Judge,
    Numbers,
    Policy,
    Portion,
    Reward,
    Weighed,
)
from potstill.recipe.executors import Executor
from potstill.recipe.methods import Dpo, Grpo, OnPolicy, RewardTerm
from potstill.recipe.problems import PROBLEM_COLUMNS, Problems, Source, Written
from potstill.recipe.scopes import Beside, ForExport, Throughout
from potstill.recipe.scorers import Labels, Scorer
from potstill.recipe.strategies import Rationalise, Tree, VerifyChain, Way, Ways
from potstill.recipe.students import (
    Evaluate,
    Export,
    Kl,
    Looks,
    Lora,
    Loss,
    Match,
    Scratch,
    Student,
    Train,
    number,
    own_answers,
)
from potstill.recipe.teachers import (
    ArmTeacher,
    AskedTeacher,
    DatasetTeacher,
    Endpoint,
    LocalTeacher,
    Price,
    Sampling,
    ServedTeacher,
    SolutionsTeacher,
    Strategy,
    SystemMessage,
    Teacher,
    Terms,
    WorkedTeacher,
    as_served,
)
from potstill.recipe.tools import Tool
from potstill.tables import OneOf

__all__ = [
    "PROBLEM_COLUMNS",
    "SECTIONS",
    "Also",
    "ArmTeacher",
    "AskedTeacher",
    "Benchmark",
    "Checks",
    "CodeChecks",
    "Curate",
    "DatasetTeacher",
    "Dpo",
    "Endpoint",
    "Evaluate",
    "Executor",
    "Export",
    "FaithFilter",
    "Faithfulness",
    "Grpo",
    "Judge",
    "Kl",
    "Labels",
    "LocalTeacher",
    "Looks",
    "Lora",
    "Loss",
    "Match",
    "Numbers",
    "OnPolicy",
    "Paraphraser",
    "Policy",
    "Portion",
    "Price",
    "Problems",
    "Rationalise",
    "Recipe",
    "Reward",
    "RewardTerm",
    "Sampling",
    "Scorer",
    "Scratch",
    "ServedTeacher",
    "SolutionsTeacher",
    "Source",
    "Strategy",
    "Student",
    "SystemMessage",
    "Teacher",
    "Terms",
    "Tool",
    "Train",
    "Tree",
    "VerifyChain",
    "Way",
    "Ways",
    "Weighed",
    "WorkedTeacher",
    "Written",
    "as_served",
    "number",
    "own_answers",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One run, whole."""

    name: Beside[Name]
    """Name of the run; it goes to `runs/NAME`."""
    problems: Problems
    """What is asked, and what is held out."""
    teacher: Teacher
    """Who answers with reasoning."""
    student: Student
    """Who is trained."""
    seed: Throughout[Seed] = 0
    """Seed of everything random that has none of its own."""
    data: Beside[str] = "."
    """Folder that relative files are looked up in; `.` is the folder of the recipe (of the shell for shipped ones)."""
    strategy: Strategy = Strategy()
    """How the teacher is asked."""
    checks: Checks = Checks()
    """How answers are judged."""
    curate: Curate = Curate()
    """Which traces become examples."""
    train: Train = Train(epochs=1.0)
    """How the student is trained."""
    evaluate: Evaluate = Evaluate()
    """How students are measured."""
    export: Export = Export()
    """What is delivered."""
    sets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The sets, by name: what each has instead of the sections above. Empty means one set, `traces`."""
    arms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The arms, by name: the lines of the table, and what each has instead of the sections above. Empty means `base`,
    `answers` and `traces`."""
    scorers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The reward models that are trained from labels, by name; `kind` says how."""
    report_to: Beside[tuple[Annotated[str, OneOf("potstill.trackers:TRACKERS")], ...]] = ()
    """Trackers that are told losses, learning rate, held-out figures and what came out, arm by arm. The run folder has
    all of it anyway."""
    executor: Executor = Executor()
    """Where the parts of verdicts and curation are made beside the run's own process."""
    deliver: ForExport[Name | None] = None
    """The arm that is exported and that the report is about; `null` takes `traces`, else the last trained one."""


SECTIONS = (
    Source, Written, Problems, WorkedTeacher, Sampling, Price, Terms, ServedTeacher, LocalTeacher, DatasetTeacher,
    SolutionsTeacher, ArmTeacher, SystemMessage, Tool, Tree, VerifyChain, Way, Ways, Rationalise, Strategy, Numbers,
    Policy, CodeChecks, Judge, Reward, Checks, Portion, Weighed, FaithFilter, Curate, Scratch, Lora, Student, Kl, Loss,
    Grpo, OnPolicy, Dpo, Looks, Match, Train, Labels, Scorer, Benchmark, Paraphraser, Faithfulness, Evaluate, Export,
    Executor, Recipe,
)  # fmt: skip
for _section in SECTIONS:
    setattr(_section, "__pydantic_config__", {"extra": "forbid", "strict": True})  # noqa: B010 - for every section
