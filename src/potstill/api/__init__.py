"""The Python interface: `run`, `study`, `check`, `plan` and `open` of `import potstill`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar, overload

from potstill.api.checking import Checked, check
from potstill.api.display import Told, display_of
from potstill.api.given import Given, read_recipe
from potstill.api.planned import plan
from potstill.api.results import Figures, OpenArm, RunFolder
from potstill.api.running import RunError, RunInterruptedError, Running, arguments_of
from potstill.api.studying import StudyFolder
from potstill.api.tables import RecordTable

__all__ = [
    "Checked", "Figures", "OpenArm", "RecordTable", "RunError", "RunFolder", "RunInterruptedError", "Running",
    "StudyFolder", "check", "open", "plan", "run", "study",
]  # fmt: skip


@overload
def run(
    recipe: Given, out: str | os.PathLike[str] | None = ..., *, overrides: Mapping[str, object] | None = ...,
    stage: str | None = ..., redo: bool = ..., go_on: bool = ..., run_untrusted_code_without_a_sandbox: bool = ...,
    progress: Told = ..., wait: Literal[True] = ...,
) -> RunFolder: ...  # fmt: skip
@overload
def run(
    recipe: Given, out: str | os.PathLike[str] | None = ..., *, overrides: Mapping[str, object] | None = ...,
    stage: str | None = ..., redo: bool = ..., go_on: bool = ..., run_untrusted_code_without_a_sandbox: bool = ...,
    progress: Told = ..., wait: Literal[False],
) -> Running[RunFolder]: ...  # fmt: skip
def run(
    recipe: Given, out: str | os.PathLike[str] | None = None, *, overrides: Mapping[str, object] | None = None,
    stage: str | None = None, redo: bool = False, go_on: bool = False,
    run_untrusted_code_without_a_sandbox: bool = False, progress: Told = True, wait: bool = True,
) -> RunFolder | Running[RunFolder]:  # fmt: skip
    """Run a recipe in a process of its own, as `potstill run` does; goes on where an earlier run stopped.

    `recipe` is a path, the name of a shipped recipe, a mapping or a `Recipe`; `out` the run folder (default:
    `runs/NAME`); `overrides` are values by dotted key, such as `{"train.steps": 50}`. The other options are those of
    the command. `progress` shows the progress, or is a function that takes each `Event`. With `wait=False` the run
    goes on beside you, and `Running` is returned.

    An interrupt (Ctrl-C, the stop button of a notebook) stops the run and is raised again. The run also ends when this
    process ends. Nothing that is done is lost: calling `run` again goes on.

    Raises:
        RecipeError: the recipe cannot be run as written; no process is started.
        RunError: the run ended before it was done, with the line that it said.
    """
    given = read_recipe(recipe, overrides)
    folder = Path("runs") / given.recipe.name if out is None else Path(os.fspath(out))
    arguments = arguments_of({
        "out": str(folder), "stage": stage, "redo": redo, "go-on": go_on,
        "run-untrusted-code-without-a-sandbox": run_untrusted_code_without_a_sandbox,
    })  # fmt: skip
    if given.name is not None:
        arguments = [given.name, *(part for item in given.sets for part in ("--set", item)), *arguments]
    running = Running("run", arguments, folder, RunFolder, None if given.name is not None else given.text())
    return _waited(running, progress) if wait else running


@overload
def study(
    file: str | os.PathLike[str], out: str | os.PathLike[str] | None = ..., *, seeds: int | None = ...,
    redo: bool = ..., go_on: bool = ..., run_untrusted_code_without_a_sandbox: bool = ..., progress: Told = ...,
    wait: Literal[True] = ...,
) -> StudyFolder: ...  # fmt: skip
@overload
def study(
    file: str | os.PathLike[str], out: str | os.PathLike[str] | None = ..., *, seeds: int | None = ...,
    redo: bool = ..., go_on: bool = ..., run_untrusted_code_without_a_sandbox: bool = ..., progress: Told = ...,
    wait: Literal[False],
) -> Running[StudyFolder]: ...  # fmt: skip
def study(
    file: str | os.PathLike[str], out: str | os.PathLike[str] | None = None, *, seeds: int | None = None,
    redo: bool = False, go_on: bool = False, run_untrusted_code_without_a_sandbox: bool = False,
    progress: Told = True, wait: bool = True,
) -> StudyFolder | Running[StudyFolder]:  # fmt: skip
    """Run a study, a file or a shipped one by its name, as `potstill study` does; see `run` for the rest.

    `out` is the study's folder (default: `runs/study-NAME`), `seeds` takes only the first so many of its seeds.

    Raises:
        RecipeError: the study cannot be run as written; no process is started.
        RunError: it ended before it was done, with the line that it said.
    """
    from potstill.pipeline.study_file import read_study

    name = os.fspath(file)
    folder = Path("runs") / f"study-{read_study(name, seeds).name}" if out is None else Path(os.fspath(out))
    arguments = arguments_of({
        "out": str(folder), "seeds": seeds, "redo": redo, "go-on": go_on,
        "run-untrusted-code-without-a-sandbox": run_untrusted_code_without_a_sandbox,
    })  # fmt: skip
    running = Running("study", [name, *arguments], folder, StudyFolder, None)
    return _waited(running, progress) if wait else running


F = TypeVar("F", RunFolder, StudyFolder)


def _waited(running: Running[F], progress: Told) -> F:
    display = display_of(progress)
    try:
        for event in running:
            display.tell(event)
        folder = running.wait()
    except RunError as error:
        display.end(str(error))
        raise
    except BaseException:  # Ctrl-C, or whatever a user's function raises: no run goes on unseen
        try:
            running.stop()
        except KeyboardInterrupt:
            running.kill()  # asked twice
        display.end(f"stopped; what is done is in {running.folder}, run it again to go on")
        raise
    display.end(f"done: {folder.path}")
    return folder


def open(folder: str | os.PathLike[str]) -> RunFolder:  # noqa: A001 - as `potstill.open`
    """Open a run folder for reading, while it is run or after.

    Raises:
        PotstillError: the folder is no run folder.
    """
    return RunFolder(Path(os.fspath(folder)))
