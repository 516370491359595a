"""What the output of each stage depends on, in the recipe's own keys: a changed setting marks just these stages.

Which keys those are is said at each field of the recipe (`recipe.Decides`); here they are gathered, and files and code
that a key names are added by content.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from potstill.durable import digest_of
from potstill.models.local.vllm import decisive
from potstill.problems.rows import matched, means_one, named
from potstill.recipe import (
    ArmTeacher,
    AskedTeacher,
    Curate,
    DatasetTeacher,
    LocalTeacher,
    Recipe,
    Source,
    Strategy,
    Tool,
    Ways,
    WorkedTeacher,
    Written,
)
from potstill.recipe.scopes import Decides, Scope
from potstill.recipe.strategies import OWN
from potstill.records import content_key
from potstill.tables import OneOf
from potstill.teach.prompt_files import prompt_of, role_prompts
from potstill.teach.writing import prompts_of
from potstill.verify.answer_kinds import ANSWER_KINDS
from potstill.verify.judge_prompts import judge_prompt

Settings = dict[str, Any]
_OPTIONAL = (
    "faithful", "where", "quotes", "near", "mix", "tokens", "filter", "diverse", "drop_no_conclusion", "prefer",
    "prune", "reasoning", "weights",
)  # fmt: skip
"""Keys of `curate` that came later and change nothing unless they are given."""
_AS_BEFORE: tuple[Any, ...] = (None, [], "text", False, "own")
"""Values of theirs that stand for not given."""
WRITTEN_VERSION = 3
"""Raised by hand when other problems may be written, or kept."""
PRUNE_VERSION = 3
"""Raised by hand when the same reasoning may be pruned otherwise."""
FAITH_VERSION = 2
"""Raised by hand when the same text may get other scores of faithfulness."""


def chosen(section: Any, scope: Scope) -> Settings:  # noqa: ANN401 - a section of the recipe
    """Return the fields of a section on which a scope depends, as JSON holds them, sections below it likewise."""
    hints = typing.get_type_hints(type(section), include_extras=True)
    found: Settings = {}
    for item in dataclasses.fields(section):
        if scope not in scopes_of(hints[item.name]):
            continue
        value = getattr(section, item.name)
        found[item.name] = _plain(value, scope)
        found |= _added(item.name, hints[item.name], value)
    return found


def _plain(value: Any, scope: Scope) -> Any:  # noqa: ANN401 - a value of the recipe, and one of JSON
    if dataclasses.is_dataclass(value):
        return chosen(value, scope)
    if isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
        return [chosen(entry, scope) for entry in value]
    return json.loads(json.dumps(value))


def _added(name: str, hint: Any, value: Any) -> Settings:  # noqa: ANN401 - a field's annotation and value
    """Return the digest of code of another package that a field names through a table."""
    options = (hint, *typing.get_args(hint), *(a for b in typing.get_args(hint) for a in typing.get_args(b)))
    marks = [mark for option in options for mark in getattr(option, "__metadata__", ())]
    table = next((mark.table for mark in marks if isinstance(mark, OneOf)), None)
    return {} if table is None or value is None else dict(table.settings(name, value))


def scopes_of(hint: Any) -> frozenset[Scope]:  # noqa: ANN401 - a field's annotation
    """Return what a field says it decides.

    Raises:
        TypeError: it does not say.
    """
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, Decides):
            return mark.scopes
    raise TypeError(f"{hint} does not say what it decides")


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
    own = {
        "sources": of_sources(recipe.problems.sources, recipe),
        "evaluate": recipe.problems.evaluate,
        "train": recipe.problems.train,
    }
    if not all(source.family or source.reasoning_gym for source in recipe.problems.sources):  # see `splits`
        tests = [of_files(name, Path(recipe.data)) for name in recipe.problems.against]
        own |= {"near": recipe.problems.near, "against": [*recipe.problems.against], "tests": tests}
        if recipe.problems.near is not None:
            own |= of_benchmarks(recipe)
    if recipe.problems.written is not None:
        own["written"] = _of_written(recipe, recipe.problems.written)
    return {"problems": own, "seed": problem_seed(recipe)}


def _of_written(recipe: Recipe, written: Written) -> Settings:
    """Return how problems are written and solved: by whom, under which prompts, and what makes answers the same."""
    found = chosen(written, "problems") | {"prompts": prompts_of(written, Path(recipe.data))}
    return found | {"teacher": of_traces(recipe)["teacher"], "version": WRITTEN_VERSION} | of_checks(recipe)


def of_sources(sources: Sequence[Source], recipe: Recipe) -> list[Settings]:
    """Sources of problems, with the contents of their files."""
    found = []
    for source in sources:
        files = _code("loader", source.loader, recipe)
        files |= of_files(source.file, Path(recipe.data)) if source.file else {}
        files |= contents("dataset", Path(recipe.data) / source.dataset) if source.dataset else {}
        found.append(chosen(source, "problems") | files)
    return found


def of_benchmarks(recipe: Recipe) -> Settings:
    """Return the benchmarks whose problems no training may know, with the contents of their files."""
    found = [[each.name, each.form, of_files(each.file, Path(recipe.data))] for each in recipe.evaluate.benchmarks]
    return {"benchmarks": found} if found else {}


def of_traces(recipe: Recipe) -> Settings:
    """The teacher, with the contents of its file, and how it is asked."""
    teacher = chosen(recipe.teacher, "traces")
    if isinstance(recipe.teacher, DatasetTeacher):
        teacher |= of_files(recipe.teacher.file, Path(recipe.data))
    if isinstance(recipe.teacher, LocalTeacher):
        teacher |= {"engine_options": decisive(recipe.teacher.engine_options)}
        teacher |= contents("model", Path(recipe.data) / recipe.teacher.model)
    if isinstance(recipe.teacher, WorkedTeacher | AskedTeacher | ArmTeacher):
        teacher["seed"] = teacher_seed(recipe)
    if isinstance(recipe.teacher, ArmTeacher) and recipe.teacher.run is not None:
        from potstill.pipeline.checkpoints import arm_checkpoint

        teacher["model contents"] = digest_of(
            arm_checkpoint(Path(recipe.data) / recipe.teacher.run, recipe.teacher.arm)
        )
    strategy = chosen(recipe.strategy, "traces")
    for name, kind in OWN.items():
        if recipe.strategy.kind != kind:
            del strategy[name]
    del strategy["prompts"]
    if recipe.strategy.kind == "react":
        strategy |= of_tools(recipe.strategy.tools, Path(recipe.data))
    else:
        for name in ("tools", "calls", "most_calls", "internalise", "small"):
            del strategy[name]
    if isinstance(recipe.teacher, AskedTeacher | ArmTeacher):
        strategy["prompt"] = prompt_of(recipe.strategy, Path(recipe.data))
        if prompts := role_prompts(recipe.strategy, Path(recipe.data)):
            strategy["prompts"] = prompts
        if recipe.strategy.kind == "strategies":
            from potstill.teach.strategies.strategies import instructions

            strategy["instructions"] = instructions(recipe.strategy.ways or Ways(), Path(recipe.data))
        if recipe.strategy.shots_file is not None:
            strategy |= contents("shots_file", Path(recipe.data) / recipe.strategy.shots_file)
    found = {"teacher": teacher, "strategy": strategy}
    return found | of_checks(recipe) if _hangs_on_verdicts(recipe.strategy) else found


def _hangs_on_verdicts(strategy: Strategy) -> bool:
    """Return whether what is asked depends on the verdicts of what was answered before."""
    return strategy.stop_at_right is not None or strategy.kind == "rationalise" or has_pilot(strategy)


def has_pilot(strategy: Strategy) -> bool:
    """Return whether the ways of a set are measured on a pilot."""
    return strategy.kind == "strategies" and (strategy.ways or Ways()).pilot is not None


def judge_role(way: str) -> str:
    """Return the role of the student that judges a way in a pilot, among the inputs of a stage."""
    return f"student of {way}"


def of_tools(tools: Sequence[Tool], data: Path) -> Settings:
    """Return the contents of the files that tools read and of the user's code that they call."""
    found: Settings = {}
    for one in tools:
        if one.file is not None:
            found |= contents(f"{one.kind} {one.file}", data / one.file)
        if one.function is not None:
            found |= contents(f"{one.kind} {one.function}", _code_file(one.function, data))
    return found


def of_checks(recipe: Recipe) -> Settings:
    """How one answer is judged, a student's too, with the contents of the user's own checkers."""
    checkers: Settings = {}
    also = (source for one in recipe.evaluate.also for source in one.sources)
    for source in (*recipe.problems.sources, *also):
        checkers |= _code(source.checker or "", source.checker, recipe)
        if source.answer_kind is not None:
            checkers |= ANSWER_KINDS.settings(source.answer_kind, source.answer_kind)
    checks = chosen(recipe.checks, "answers")
    if recipe.checks.judge is not None:
        checks["judge"]["prompt"] = content_key(judge_prompt(recipe.checks, Path(recipe.data)))
    return {"checks": checks} | ({"checkers": checkers} if checkers else {})


def checkers_key(recipe: Recipe) -> str:
    """Return the digest of the user's own checkers, by which their verdicts are kept."""
    return content_key(of_checks(recipe).get("checkers"))


def of_verdicts(recipe: Recipe) -> Settings:
    """How traces are judged: each by itself, and the samples of a problem together."""
    found = of_checks(recipe)
    found["checks"] |= chosen(recipe.checks, "verdicts")
    found["checks"] |= {"faithful": FAITH_VERSION} if found["checks"].pop("faithful") else {}
    if recipe.checks.reward is not None:
        if recipe.checks.reward.model is not None:
            found["checks"]["reward"] |= contents("model", Path(recipe.data) / recipe.checks.reward.model)
        found["checks"]["reward"]["scores"] = 2  # how they are laid out, with the tokens of each
    return found


def of_curation(curate: Curate) -> Settings:
    """Which traces are kept, without what is not asked for: runs of before such a key was there stay as they are."""
    found = chosen(curate, "examples")
    if curate.faithful is not None:
        found["faithful"] |= {"version": FAITH_VERSION}
    if curate.prune:
        found["pruning version"] = PRUNE_VERSION
    return {key: value for key, value in found.items() if key not in _OPTIONAL or value not in _AS_BEFORE}


def of_own_filter(recipe: Recipe) -> Settings:
    """Return the digest of the file of `curate.filter`, where there is one: an edited function curates anew."""
    name = recipe.curate.filter
    return {} if name is None else _code("filter", name, recipe)


def of_rows(recipe: Recipe) -> Settings:
    """How a row looks to the student."""
    return chosen(recipe.student, "rows")


def contents(key: str, path: Path) -> Settings:
    """Return the digest of a file or folder, where it is there: an edited one is a changed setting."""
    return {f"{key} contents": digest_of(path)} if path.exists() else {}


def of_files(name: str, data: Path) -> Settings:
    """Return the digest of the files that a name means: one that is edited, new or gone is a changed setting."""
    paths = matched(name, data)
    if means_one(name, data):
        return contents("file", paths[0])
    return {"file contents": content_key([[place, digest_of(path)] for place, path in named(paths)])}


def _code(key: str, function: str | None, recipe: Recipe) -> Settings:
    """Return the digest of the file of a user's `module:function`, where that is one in the data folder."""
    module = (function or "").rpartition(":")[0]
    return contents(key, _code_file(function or "", Path(recipe.data))) if module else {}


def _code_file(function: str, data: Path) -> Path:
    module = function.rpartition(":")[0]
    return data / (module if module.endswith(".py") else f"{module.replace('.', '/')}.py")
