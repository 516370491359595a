"""Exports: packages that they need, and students that no file can be made of, told before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection

from potstill.errors import RecipeError
from potstill.pipeline.checks.extras import need
from potstill.pipeline.checks.scene import Scene
from potstill.recipe import Student

PACKAGES = {"gguf": ("gguf", "xllamacpp", "aiohttp"), "onnx": ("onnxruntime_genai", "onnxruntime", "onnx", "onnx_ir")}


def convertible(types: tuple[str, ...], where: str, scene: Scene) -> None:
    """Refuse types of files where their runtime is absent, or has no place for the delivered student."""
    exporter = where.rpartition(".")[2]
    need(f"{where} {', '.join(types)}", exporter, *PACKAGES[exporter])
    delivered = scene.graph.deliver
    student = scene.graph.arms[delivered].recipe.student if delivered is not None else scene.recipe.student
    known = OWN[exporter](where, student, scene)
    config = scene.data / (student.model or "") / "config.json"
    if student.model is None or not config.is_file():
        return
    kind = json.loads(config.read_bytes()).get("model_type")
    if kind not in known:
        raise RecipeError(
            f"{where}: no converter for the architecture {kind!r} of {student.model} (there is one for "
            f"{', '.join(known)}): leave it out"
        )


def _gguf(where: str, student: Student, scene: Scene) -> Collection[str]:
    """Return the architectures that there is a converter for; examples that are wanted have to be there."""
    del where, student
    from potstill.export.gguf.architectures import ARCHITECTURES

    arm = scene.graph.deliver
    if scene.recipe.export.importance and (arm is None or not scene.graph.arms[arm].phases):
        raise RecipeError(
            f"export.importance: the arm {arm} has no training whose examples could be read: leave it out"
        )
    return ARCHITECTURES


def _onnx(where: str, student: Student, scene: Scene) -> Collection[str]:
    """Return the architectures that there is a builder for; heads have to be of a size that the runtime takes."""
    del scene
    from potstill.export.onnx import ARCHITECTURES, unfit

    if student.scratch is not None and (told := unfit(student.scratch.hidden // student.scratch.heads)):
        raise RecipeError(f"{where}: {told}: change student.scratch.hidden or heads, or leave it out")
    return ARCHITECTURES


OWN: dict[str, Callable[[str, Student, Scene], Collection[str]]] = {"gguf": _gguf, "onnx": _onnx}
"""What an exporter asks of a student, by its name."""
