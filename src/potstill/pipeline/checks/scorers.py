"""Labels of scorers: files that are there and of a known shape, and problems whose facts say what is right."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from potstill.errors import RecipeError
from potstill.pipeline.checks.scene import Arm, Scene
from potstill.recipe import Labels


def labels(its: Labels, where: str, scene: Scene) -> None:
    """Refuse a file of labels that is not there or of no known shape, and labels by facts that no problem has."""
    if its.by == "file":
        from potstill.verify.steps.labels import read_step_labels

        path = scene.data / Path(str(its.file)).expanduser()
        if not path.exists():
            raise RecipeError(f"{where}.file: there is no file {path}")
        if not list(islice(read_step_labels(path), 1)):
            raise RecipeError(f"{where}.file: {path} has no rows")
    if its.by == "facts":
        _facts(f"{where}.by", scene)


def rewards(arm: Arm, where: str, scene: Scene) -> None:
    """Refuse rewards by facts that no problem has."""
    del where
    if arm.train.method == "grpo" and any(term.check == "facts" for term in arm.train.grpo.rewards):
        _facts("train.grpo.rewards: check", scene)


def _facts(key: str, scene: Scene) -> None:
    from potstill.verify.steps.facts import knows

    if scene.sample.training and not any(map(knows, scene.sample.training)):
        raise RecipeError(f"{key}: facts are those of the families chain and compare, and there are none of them")
