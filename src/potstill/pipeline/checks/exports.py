"""Exports: packages that they need, and students that no file can be made of, told before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Collection

from potstill.errors import RecipeError
from potstill.pipeline.checks.extras import need
from potstill.pipeline.checks.scene import Scene

PACKAGES = {"gguf": ("gguf", "xllamacpp", "aiohttp"), "onnx": ("onnxruntime_genai", "onnxruntime", "onnx", "onnx_ir")}


def convertible(types: tuple[str, ...], where: str, scene: Scene) -> None:
    """Refuse types of files where their runtime is absent, or has no place for the delivered student."""
    exporter = where.rpartition(".")[2]
    need(f"{where} {', '.join(types)}", exporter, *PACKAGES[exporter])
    known = _architectures(exporter)
    delivered = scene.graph.deliver
    student = scene.graph.arms[delivered].recipe.student if delivered is not None else scene.recipe.student
    phases = scene.graph.arms[delivered].phases if delivered is not None else ()
    if exporter == "gguf" and scene.recipe.export.importance and not phases:
        raise RecipeError(
            f"export.importance: the arm {delivered} has no training whose examples could be read: leave it out"
        )
    if exporter == "onnx" and student.scratch is not None:
        from potstill.export.onnx import unfit

        if told := unfit(student.scratch.hidden // student.scratch.heads):
            raise RecipeError(f"{where}: {told}: change student.scratch.hidden or heads, or leave it out")
    config = scene.data / (student.model or "") / "config.json"
    if student.model is None or not config.is_file():
        return
    kind = json.loads(config.read_bytes()).get("model_type")
    if kind not in known:
        raise RecipeError(
            f"{where}: no converter for the architecture {kind!r} of {student.model} (there is one for "
            f"{', '.join(known)}): leave it out"
        )


def _architectures(exporter: str) -> Collection[str]:
    if exporter == "gguf":
        from potstill.export.gguf.architectures import ARCHITECTURES
    else:
        from potstill.export.onnx import ARCHITECTURES  # type: ignore[assignment]
    return ARCHITECTURES
