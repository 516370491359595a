"""Exports: packages that they need, and students that no file can be made of, told before anything is trained."""

from __future__ import annotations

import json

from potstill.errors import RecipeError
from potstill.export import RUNTIMES
from potstill.pipeline.checks.extras import need
from potstill.pipeline.checks.scene import Scene


def convertible(types: tuple[str, ...], where: str, scene: Scene) -> None:
    """Refuse types of files where their runtime is absent, or has no place for the delivered student."""
    exporter, delivered = where.rpartition(".")[2], scene.graph.deliver
    runtime = RUNTIMES[exporter]
    need(f"{where} {', '.join(types)}", exporter, *runtime.packages)
    # Examples that are wanted have to be there; the recipe has no importance without types of GGUF.
    if scene.recipe.export.importance and (delivered is None or not scene.graph.arms[delivered].phases):
        raise RecipeError(
            f"export.importance: the arm {delivered} has no training whose examples could be read: leave it out"
        )
    student = scene.graph.arms[delivered].recipe.student if delivered is not None else scene.recipe.student
    if student.scratch is not None:
        made = student.scratch
        config = {
            "model_type": "llama", "hidden_size": made.hidden, "num_attention_heads": made.heads,
            "intermediate_size": made.intermediate,
        }  # fmt: skip
        if told := runtime.refusal(config, types):
            raise RecipeError(f"{where}: {told}: change student.scratch, or leave it out")
        return
    file = scene.data / (student.model or "") / "config.json"
    if student.model is None or not file.is_file():
        return
    if told := runtime.refusal(json.loads(file.read_bytes()), types):
        raise RecipeError(f"{where}: {student.model}: {told}: leave it out")
