"""The stages of a run: what each depends on, what it reads and what it writes."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.errors import DataError
from potstill.progress import Progress
from potstill.recipe import DatasetTeacher, Recipe, ServedTeacher, SolutionsTeacher, WorkedTeacher
from potstill.records import Drop, Example, Measure, Problem, Trace, Verdict
from potstill.store import Run, Sealed, Work, digest_of


@dataclass(frozen=True)
class Context:
    """What a stage gets: the recipe, its own work folder, its sealed inputs."""

    recipe: Recipe
    run: Run
    work: Work
    inputs: dict[str, Sealed]


@dataclass(frozen=True)
class Stage:
    """One arrow of the pipeline. `version` is bumped by hand when the meaning of its output changes."""

    name: str
    version: int
    inputs: tuple[str, ...]
    settings: dict[str, Any]
    work: Callable[[Context], dict[str, Any]]


def stages_of(recipe: Recipe) -> list[Stage]:
    """Return the stages in order, each with just the settings its output depends on."""
    whole = json.loads(json.dumps(dataclasses.asdict(recipe)))
    student = {key: whole["student"][key] for key in ("model", "scratch")}
    shown = {key: whole["student"][key] for key in ("prompt", "reasoning_open", "reasoning_close")}
    training = {key: value for key, value in whole["train"].items() if key not in ("checkpoint_every", "seed")}
    training |= {"lora": whole["student"]["lora"], "seed": train_seed(recipe), **shown}
    asking = {"evaluate": whole["evaluate"], "checks": whole["checks"], "precision": recipe.train.precision, **shown}
    stages = [
        Stage("problems", 1, (), {"problems": _problem_settings(recipe), "seed": problem_seed(recipe)}, problems),
        Stage(
            "traces", 1, ("problems",), {"teacher": _teacher_settings(recipe), "strategy": whole["strategy"]}, traces
        ),
        Stage("verdicts", 1, ("problems", "traces"), {"checks": whole["checks"]}, verdicts),
        Stage(
            "examples",
            1,
            ("problems", "traces", "verdicts"),
            {"curate": whole["curate"], "seed": recipe.seed},
            examples,
        ),
    ]
    built_from = ("examples",) if recipe.student.scratch else ()
    stages.append(Stage("student", 1, built_from, student | _student_settings(recipe), prepare_student))
    rows = []
    if recipe.baselines.base:
        stages.append(Stage("evaluate-base", 1, ("problems", "examples", "student"), asking, evaluate_base))
        rows.append("base")
    for row in (["answers"] if recipe.baselines.answers else []) + ["traces"]:
        only = {"row": row, "equal": recipe.baselines.answers if row == "answers" else None}
        stages.append(Stage(f"train-{row}", 1, ("examples", "student"), training | only, _train(row)))
        stages.append(Stage(f"evaluate-{row}", 1, ("problems", f"train-{row}"), asking, _evaluate(row)))
        rows.append(row)
    stages.append(Stage("export", 1, ("problems", "train-traces"), {"export": whole["export"], **shown}, export))
    stages.append(Stage("report", 1, tuple(stage.name for stage in stages), {"name": recipe.name}, report))
    return stages


def problem_seed(recipe: Recipe) -> int:
    """Seed of problem generation and of the split."""
    return recipe.seed if recipe.problems.seed is None else recipe.problems.seed


def train_seed(recipe: Recipe) -> int:
    """Seed of training order and new weights."""
    return recipe.seed if recipe.train.seed is None else recipe.train.seed


def teacher_seed(recipe: Recipe) -> int:
    """Seed of the teacher."""
    own = recipe.teacher.seed if isinstance(recipe.teacher, WorkedTeacher) else None
    return recipe.seed if own is None else own


def _problem_settings(recipe: Recipe) -> dict[str, Any]:
    """The sources with the contents of their files: an edited file is a changed setting."""
    sources = json.loads(json.dumps([dataclasses.asdict(source) for source in recipe.problems.sources]))
    for source in sources:
        for key in ("file", "dataset"):
            if source[key] and (path := Path(recipe.data) / source[key]).exists():
                source[f"{key} contents"] = digest_of(path)
    return {"sources": sources, "evaluate": recipe.problems.evaluate, "train": recipe.problems.train}


def _teacher_settings(recipe: Recipe) -> dict[str, Any]:
    """What the traces depend on: neither addresses of the same model nor speed nor price."""
    settings = dataclasses.asdict(recipe.teacher)
    for key in (
        "concurrency",
        "timeout",
        "price",
        "spend_at_most",
        "api_key_env",
        "base_url",
        "allow_summaries",
        "seed",
    ):
        settings.pop(key, None)
    if isinstance(recipe.teacher, DatasetTeacher) and (path := Path(recipe.data) / recipe.teacher.file).exists():
        settings["file contents"] = digest_of(path)
    if isinstance(recipe.teacher, WorkedTeacher | ServedTeacher):
        settings["seed"] = teacher_seed(recipe)
    return dict(json.loads(json.dumps(settings)))


def _student_settings(recipe: Recipe) -> dict[str, Any]:
    settings: dict[str, Any] = {"seed": train_seed(recipe)} if recipe.student.scratch else {}
    if recipe.student.model and (path := Path(recipe.data) / recipe.student.model).is_dir():
        settings["model contents"] = digest_of(path)
    return settings


def problems(context: Context) -> dict[str, Any]:
    """Read or generate the problems and hold some out."""
    from potstill.problems import divide

    recipe = context.recipe
    divided = divide(recipe.problems, seed=problem_seed(recipe), data=Path(recipe.data))
    train = context.work.table("train", Problem)
    evaluation = context.work.table("evaluation", Problem)
    dropped = context.work.table("dropped", Drop)
    del train, evaluation, dropped, divided
    return {}
