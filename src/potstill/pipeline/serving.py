"""A run's student as a backend of `serve`: which files a name stands for, and how its run asked it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from potstill.errors import PotstillError, nearest
from potstill.evaluate.conditions import Conditions
from potstill.pipeline import naming
from potstill.pipeline.naming import MODEL
from potstill.pipeline.single import PLAIN
from potstill.pipeline.subject import Subject, graph_of_run, of_arm, subject_of

if TYPE_CHECKING:
    from potstill.serve.seam import Backend

GGUF, TRANSFORMERS = "gguf", "transformers"
FORMATS = (GGUF, TRANSFORMERS)
ROOM = 4096
"""Tokens of a context where nobody knows how long the rows of training were."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What is served: a GGUF file or the folder of a checkpoint, and how its run asked it.

    `context` is the most tokens of a conversation, where the model takes so many.
    """

    name: str
    kind: str
    path: Path
    conditions: Conditions
    context: int

    def open(self) -> Backend:
        """Load it.

        Raises:
            PotstillError: it cannot be loaded.
        """
        student = self.conditions.student
        if self.kind == GGUF:
            from potstill.serve import llama

            return llama.backend_of(self.path, student, self.context)
        from potstill.pipeline.checkpoints import located, unpacked
        from potstill.pipeline.checks.files import check_checkpoint
        from potstill.serve import local

        check_checkpoint(str(self.path), Path(), "RUN", 1)
        folder, precision = located(str(self.path), Path()), self.conditions.precision
        return unpacked(folder, lambda found: local.backend_of(found, student, precision, self.context))()


def offer_of(name: str, *, arm: str | None, kind: str | None, weights: str | None, context: int | None) -> Offer:
    """Return what a name stands for: a run, one of its stages, an exported folder, a GGUF file, or any checkpoint.

    `kind` None is GGUF where there are such files and no arm is named, else the checkpoint. `weights` is the type of
    the file, such as `q8_0`; None is the first that the recipe names.

    Raises:
        PotstillError: there is no such student, arm, file or type; what there is is named.
    """
    path = Path(name).expanduser()
    if arm is not None and not (path / "recipe.yaml").is_file():
        raise PotstillError(f"--arm {arm}: {path} is no run folder, so it has no arms")
    if arm is not None and kind == GGUF and arm != (delivered := graph_of_run(path).deliver):
        raise PotstillError(
            f"--arm {arm}: there are GGUF files of {delivered or 'no arm'} alone: --format transformers"
        )
    files = [] if kind == TRANSFORMERS or (arm is not None and kind is None) else _files(path)
    if kind == GGUF and not files:
        raise PotstillError(
            f"{path} has no GGUF file: give its recipe export: {{gguf: [q8_0]}} and run it again, or serve it with "
            "--format transformers"
        )
    if files:
        return _of_file(path, _chosen(files, weights), context)
    if weights is not None:
        raise PotstillError(f"--type {weights} is of a GGUF file, and {path} has none")
    subject = _subject(path, name, arm)
    conditions = subject.conditions or PLAIN
    shown = _shown(path, subject, arm)
    longest = context or (subject.recipe.train.max_length if subject.recipe else None)
    return Offer(
        name=shown, kind=TRANSFORMERS, path=Path(subject.checkpoint), conditions=conditions,
        context=_room(longest, conditions, told=context),
    )  # fmt: skip


def _subject(path: Path, name: str, arm: str | None) -> Subject:
    if arm is None:
        return subject_of(name)
    graph = graph_of_run(path)
    if arm not in graph.arms:
        raise PotstillError(f"--arm {arm}: {path} has no such arm{nearest(arm, list(graph.arms))}")
    stage = naming.model(graph.arms[arm], graph)
    if not (path / stage / MODEL).is_dir():
        raise PotstillError(f"the student {arm!r} is not trained yet: potstill run {path / 'recipe.yaml'}")
    return of_arm(path, graph, arm, path / stage / MODEL)


def _files(path: Path) -> list[Path]:
    """Return the GGUF files that a name stands for, those of a run in the order of its recipe."""
    if path.suffix == ".gguf":
        if not path.is_file():
            raise PotstillError(f"{path} is not there")
        return [path]
    folder = next((found for found in (path / naming.export(GGUF) / MODEL, path / MODEL, path) if found.is_dir()), path)
    files = sorted(folder.glob("*.gguf"))
    manifest = folder.parent / "manifest.json"
    order = list(json.loads(manifest.read_bytes())["counts"]["files"]) if files and manifest.is_file() else []
    return sorted(files, key=lambda file: order.index(file.name) if file.name in order else len(order))


def _chosen(files: list[Path], weights: str | None) -> Path:
    if weights is None:
        return files[0]
    # `quickstart-q8_0.gguf`
    types = {file.stem.rpartition("-")[2]: file for file in files}
    if weights.lower() not in types:
        raise PotstillError(f"--type {weights}: there is no such file{nearest(weights, list(types))}")
    return types[weights.lower()]


def _of_file(path: Path, file: Path, context: int | None) -> Offer:
    from potstill.evaluate.conditions import read_conditions

    conditions = read_conditions(file.parent) or PLAIN
    trained = None
    if (path / "recipe.yaml").is_file():
        graph = graph_of_run(path)
        assert graph.deliver is not None  # noqa: S101 - it has files
        trained = graph.arms[graph.deliver].recipe.train.max_length
    room = _room(context or trained, conditions, told=context)
    return Offer(name=file.stem, kind=GGUF, path=file, conditions=conditions, context=room)


def _room(longest: int | None, conditions: Conditions, *, told: int | None) -> int:
    """Return the tokens of a context: what was told, else as in training with room for any answer."""
    return told or max(longest or ROOM, 2 * conditions.evaluate.max_tokens)


def _shown(path: Path, subject: Subject, arm: str | None) -> str:
    """Return what clients call a checkpoint."""
    if subject.recipe is None:
        return (path.parent if path.name == MODEL else path).name or str(path)
    return f"{subject.recipe.name}-{arm}" if arm else subject.recipe.name
