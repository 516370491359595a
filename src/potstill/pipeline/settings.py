"""What the output of each stage depends on, in the recipe's own keys: a changed setting marks just these stages."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from potstill.models.vllm import decisive
from potstill.recipe import AskedTeacher, DatasetTeacher, LocalTeacher, Recipe, ServedTeacher, WorkedTeacher
from potstill.records import content_key
from potstill.store import digest_of
from potstill.teach.prompts import prompt_of
from potstill.verify.verdicts import judge_prompt

Settings = dict[str, Any]
SHOWN = ("prompt", "reasoning_open", "reasoning_close")
"""What of the student decides how a row looks to it."""
_OF_ALL_TRACES = ("agreeing", "self_consistency", "doubted_gold", "reward")
"""What of the checks looks at training traces alone, and decides no single answer."""
_BESIDE_TRACES = (
    "concurrency",
    "batch",
    "timeout",
    "give_up_after",
    "price",
    "spend_at_most",
    "requests_per_minute",
    "tokens_per_minute",
    "executor",
    "terms",
    "allow_restricted",
    "api_key_env",
    "base_url",
    "allow_summaries",
    "seed",
)
"""What of a teacher changes no trace: addresses of the same model, speed, price, what is done with the traces."""


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


def of_problems(recipe: Recipe) -> Settings:
    """The sources with the contents of their files: an edited file is a changed setting."""
    sources = []
    for source in recipe.problems.sources:
        found = _code("loader", source.loader, recipe)
        for key, name in (("file", source.file), ("dataset", source.dataset)):
            found |= _contents(key, Path(recipe.data) / name) if name else {}
        sources.append(_plain(source) | found)
    own = {"sources": sources, "evaluate": recipe.problems.evaluate, "train": recipe.problems.train}
    return {"problems": own, "seed": problem_seed(recipe)}


def of_traces(recipe: Recipe) -> Settings:
    """The teacher, with the contents of its file, and how it is asked."""
    teacher = {key: value for key, value in _plain(recipe.teacher).items() if key not in _BESIDE_TRACES}
    if isinstance(recipe.teacher, DatasetTeacher):
        teacher |= _contents("file", Path(recipe.data) / recipe.teacher.file)
    if isinstance(recipe.teacher, LocalTeacher):
        teacher |= {"engine_options": decisive(recipe.teacher.engine_options)}
        teacher |= _contents("model", Path(recipe.data) / recipe.teacher.model)
    if isinstance(recipe.teacher, WorkedTeacher | AskedTeacher):
        teacher["seed"] = teacher_seed(recipe)
    strategy = _plain(recipe.strategy)
    if isinstance(recipe.teacher, AskedTeacher):
        strategy["prompt"] = prompt_of(recipe.strategy, Path(recipe.data))
        if recipe.strategy.shots_file is not None:
            strategy |= _contents("shots_file", Path(recipe.data) / recipe.strategy.shots_file)
    found = {"teacher": teacher, "strategy": strategy}
    # Whether a problem is asked on depends on the verdicts of its samples.
    return found | of_checks(recipe) if recipe.strategy.stop_at_right is not None else found


def of_checks(recipe: Recipe) -> Settings:
    """How one answer is judged, a student's too, with the contents of the user's own checkers."""
    checkers: Settings = {}
    for source in recipe.problems.sources:
        checkers |= _code(source.checker or "", source.checker, recipe)
    checks = {key: value for key, value in _plain(recipe.checks).items() if key not in _OF_ALL_TRACES}
    if recipe.checks.judge is not None:
        checks["judge"] = {key: value for key, value in checks["judge"].items() if key in ("model", "sampling")}
        checks["judge"]["prompt"] = content_key(judge_prompt(recipe.checks, Path(recipe.data)))
    return {"checks": checks} | ({"checkers": checkers} if checkers else {})


def of_verdicts(recipe: Recipe) -> Settings:
    """How traces are judged: each by itself, and the samples of a problem together."""
    found = of_checks(recipe)
    found["checks"] |= {key: value for key, value in _plain(recipe.checks).items() if key in _OF_ALL_TRACES}
    if recipe.checks.reward is not None:
        found["checks"]["reward"] |= _contents("model", Path(recipe.data) / recipe.checks.reward.model)
    return found


def of_examples(recipe: Recipe) -> Settings:
    """How traces are chosen."""
    summaries = isinstance(recipe.teacher, ServedTeacher) and recipe.teacher.allow_summaries
    return {
        "curate": _plain(recipe.curate),
        "checks": {"doubted_gold": recipe.checks.doubted_gold},
        "seed": recipe.seed,
        "teacher": {"allow_summaries": summaries},
    }


def of_student(recipe: Recipe) -> Settings:
    """The untouched student; one from nothing has a tokenizer trained on what it will be shown."""
    student = _plain(recipe.student)
    if recipe.student.scratch:
        return {"student": {key: student[key] for key in ("model", "scratch", *SHOWN)}, "seed": train_seed(recipe)}
    own = {key: student[key] for key in ("model", "scratch")}
    return {"student": own | _contents("model", Path(recipe.data) / str(recipe.student.model))}


def of_training(recipe: Recipe, row: str) -> Settings:
    """How one row of the table is trained; checkpoints change nothing, for a resumed training ends the same."""
    train, lora = _plain(recipe.train), _plain(recipe.student)["lora"]
    own = {key: value for key, value in train.items() if key not in ("checkpoint_every", "seed")}
    settings = {"train": own, "student": _shown(recipe) | {"lora": lora}, "seed": train_seed(recipe)}
    settings["curate"] = {"order": recipe.curate.order}
    return settings | ({"baselines": {"answers": recipe.baselines.answers}} if row == "answers" else {})


def of_evaluation(recipe: Recipe, row: str) -> Settings:
    """How one row is measured; only the base is shown examples, and only draws depend on the seed."""
    shown, evaluate = _shown(recipe), _plain(recipe.evaluate)
    shots = evaluate.pop("shots")
    drawn = recipe.evaluate.temperature > 0
    if row == "base":
        evaluate["shots"] = shots
        drawn = drawn or shots > 0
    settings = {"evaluate": evaluate, "train": {"precision": recipe.train.precision}, "student": shown}
    return settings | of_checks(recipe) | ({"seed": recipe.seed} if drawn else {})


def of_export(recipe: Recipe) -> Settings:
    """What is delivered, under which name, asked how."""
    return {"export": _plain(recipe.export), "student": _shown(recipe), "name": recipe.name}


def _shown(recipe: Recipe) -> Settings:
    student = _plain(recipe.student)
    return {key: student[key] for key in SHOWN}


def _plain(section: Any) -> Settings:  # noqa: ANN401 - a section of the recipe
    """Return a section as JSON holds it: tuples become lists."""
    return dict(json.loads(json.dumps(dataclasses.asdict(section))))


def _contents(key: str, path: Path) -> Settings:
    return {f"{key} contents": digest_of(path)} if path.exists() else {}


def _code(key: str, function: str | None, recipe: Recipe) -> Settings:
    """Return the digest of the file of a user's `module:function`, where that is one in the data folder."""
    module = (function or "").rpartition(":")[0]
    path = Path(recipe.data) / (module if module.endswith(".py") else f"{module.replace('.', '/')}.py")
    return _contents(key, path) if module else {}
