"""Names and files that a recipe mentions, looked up before anything is spent; no torch, no network."""

from __future__ import annotations

import json
from pathlib import Path

from potstill.errors import RecipeError, nearest
from potstill.problems import check_source
from potstill.recipe import (
    AskedTeacher,
    DatasetTeacher,
    LocalTeacher,
    Recipe,
    SolutionsTeacher,
    Strategy,
    WorkedTeacher,
)
from potstill.train.students import PACKAGED
from potstill.verify.verdicts import judge_prompt

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model")


def check_names(recipe: Recipe) -> None:
    """Check that families, tasks, functions, files and the student exist and fit together.

    Raises:
        RecipeError: names the key, and the nearest name that would do.
        DataError: a file is absent.
    """
    data = Path(recipe.data)
    if not data.is_dir():
        raise RecipeError(f"data: there is no folder {data}")
    for index, source in enumerate(recipe.problems.sources):
        where = f"problems.sources.{index}"
        check_source(source, data=data, where=where)
        if source.checker:
            from potstill.verify.checkers import load_checker

            load_checker(source.checker, data)
        if isinstance(recipe.teacher, WorkedTeacher) and source.family is None and source.use != "evaluate":
            raise RecipeError(
                f"{where}: the worked teacher only solves potstill's own families; "
                "use teacher.kind served, local, dataset or solutions for these problems"
            )
        if isinstance(recipe.teacher, SolutionsTeacher) and source.family is not None and source.use != "evaluate":
            raise RecipeError(f"{where}: families come without human solutions; use teacher.kind worked")
    if isinstance(recipe.teacher, DatasetTeacher):
        check_file(data / recipe.teacher.file, "teacher.file")
    if isinstance(recipe.teacher, AskedTeacher):
        _check_asked(recipe.teacher, recipe.strategy, data)
    judge_prompt(recipe.checks, data)
    if recipe.student.model:
        check_student(recipe.student.model, data, "student.model", recipe.evaluate.max_tokens)


def _check_asked(teacher: AskedTeacher, strategy: Strategy, data: Path) -> None:
    """Check the names and files of a teacher that is asked, and of how it is asked."""
    from potstill.models.sampling import wire_sampling
    from potstill.models.shapes import SHAPES
    from potstill.models.terms import heed_terms
    from potstill.models.wire import endpoint
    from potstill.teach.prompts import prompt_of

    if isinstance(teacher, LocalTeacher):
        check_student(teacher.model, data, "teacher.model", teacher.sampling.max_tokens)
    else:
        endpoint(teacher.base_url, SHAPES[teacher.wire].path)
    wire_sampling(teacher.sampling, 0, "teacher.sampling")
    heed_terms(teacher)
    prompt_of(strategy, data)
    if strategy.shots_file is not None:
        check_file(data / strategy.shots_file, "strategy.shots_file")


def check_file(path: Path, where: str) -> None:
    """Refuse a file that is not there, naming the nearest one beside it."""
    if path.is_file():
        return
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = nearest(path.name, beside) if beside else ""
    raise RecipeError(f"{where}: there is no file {path}{hint}")


def check_student(model: str, data: Path, where: str, max_tokens: int) -> None:
    """Refuse a local student that lacks its files; a hub name is only known once it is asked for.

    `where` names the setting in messages, `max_tokens` is how long an answer the student must have room for.
    """
    folder = data / Path(model).expanduser()
    if folder.is_dir():
        config = folder / "config.json"
        if not config.is_file():
            raise RecipeError(f"{where}: {folder} has no config.json, so it is no Hugging Face checkpoint")
        if not any((folder / name).is_file() for name in TOKENIZER_FILES):
            raise RecipeError(f"{where}: {folder} has no tokenizer (tokenizer.json): copy the student's own into it")
        context = _context(config, where)
        if context is not None and max_tokens > context:
            raise RecipeError(f"{where}: {folder} has a context of {context} tokens, less than max_tokens {max_tokens}")
    elif folder.exists():
        raise RecipeError(f"{where}: {folder} is a file: name the folder of a Hugging Face checkpoint")
    elif model.startswith((".", "/", "~")) or model.count("/") > 1 or (model != PACKAGED and "/" not in model):
        raise RecipeError(
            f"{where}: there is no folder {folder}, and {model!r} is no hub name{nearest(model, [PACKAGED])}"
        )


def _context(config: Path, where: str) -> int | None:
    """Return the most tokens that a checkpoint's config allows, where it says so."""
    try:
        found = json.loads(config.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise RecipeError(f"{where}: {config} is not JSON: copy the checkpoint again") from None
    context = found.get("max_position_embeddings") if isinstance(found, dict) else None
    return context if isinstance(context, int) else None
