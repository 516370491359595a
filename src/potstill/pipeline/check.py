"""Names and files that a recipe mentions, looked up before anything is spent; no torch, no network."""

from __future__ import annotations

from pathlib import Path

from potstill.errors import RecipeError, nearest
from potstill.problems import check_source
from potstill.recipe import DatasetTeacher, Recipe, SolutionsTeacher, WorkedTeacher

PACKAGED = "smollm2-135m-instruct"


def check_names(recipe: Recipe) -> None:
    """Check that families, tasks, functions, files and the student exist and fit together.

    Raises:
        RecipeError: names the key, and the nearest name that would do.
        DataError: a file is absent.
    """
    data = Path(recipe.data)
    for index, source in enumerate(recipe.problems.sources):
        where = f"problems.sources.{index}"
        check_source(source, data=data, where=where)
        if source.checker:
            from potstill.verify.checkers import load_checker

            load_checker(source.checker)
        if isinstance(recipe.teacher, WorkedTeacher) and source.family is None and source.use != "evaluate":
            raise RecipeError(
                f"{where}: the worked teacher only solves potstill's own families; "
                "use teacher.kind served, dataset or solutions for these problems"
            )
        if isinstance(recipe.teacher, SolutionsTeacher) and source.family is not None and source.use != "evaluate":
            raise RecipeError(f"{where}: families come without human solutions; use teacher.kind worked")
    if isinstance(recipe.teacher, DatasetTeacher):
        check_file(data / recipe.teacher.file, "teacher.file")
    if recipe.student.model:
        check_student(recipe.student.model, data)


def check_file(path: Path, where: str) -> None:
    """Refuse a file that is not there, naming the nearest one beside it."""
    if path.is_file():
        return
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = nearest(path.name, beside) if beside else ""
    raise RecipeError(f"{where}: there is no file {path}{hint}")


def check_student(model: str, data: Path) -> None:
    """Refuse a local student that lacks its files; a hub name is only known once it is asked for."""
    folder = data / model
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise RecipeError(f"student.model: {folder} has no config.json, so it is no Hugging Face checkpoint")
        if not any(
            (folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json", "tokenizer.model")
        ):
            raise RecipeError(
                f"student.model: {folder} has no tokenizer (tokenizer.json): copy the student's own into it"
            )
        return
    looks_local = model.startswith((".", "/", "~")) or model.count("/") > 1
    if looks_local or (model != PACKAGED and "/" not in model):
        raise RecipeError(
            f"student.model: there is no folder {folder}, and {model!r} is no hub name{nearest(model, [PACKAGED])}"
        )
