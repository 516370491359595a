"""Exports: packages that they need, and students that no file can be made of, told before anything is trained."""

from __future__ import annotations

import json

from potstill.errors import RecipeError
from potstill.pipeline.checks.extras import need
from potstill.pipeline.checks.scene import Scene


def gguf(types: tuple[str, ...], where: str, scene: Scene) -> None:
    """Refuse types of files where llama.cpp is absent, or has no place for the delivered student."""
    need(f"{where} {', '.join(types)}", "gguf", "gguf", "xllamacpp", "aiohttp")
    from potstill.export.gguf.architectures import ARCHITECTURES

    delivered = scene.graph.deliver
    student = scene.graph.arms[delivered].recipe.student if delivered is not None else scene.recipe.student
    config = scene.data / (student.model or "") / "config.json"
    if student.model is None or not config.is_file():
        return
    kind = json.loads(config.read_bytes()).get("model_type")
    if kind not in ARCHITECTURES:
        raise RecipeError(
            f"{where}: no converter for the architecture {kind!r} of {student.model} (there is one for "
            f"{', '.join(ARCHITECTURES)}): leave it out"
        )
