"""Number formats: bf16 where the machine has no instructions for it is refused, in whatever section it stands."""

from __future__ import annotations

from typing import Any

from potstill.errors import RecipeError
from potstill.hardware import SLOW, formats, multiplies_bf16
from potstill.pipeline.checks.scene import Scene


def bf16(section: Any, where: str, scene: Scene) -> None:  # noqa: ANN401 - any section of a recipe
    """Refuse bf16 where the machine has no instructions for it."""
    del scene
    for key, asked in formats(section, where):
        if asked == "bf16" and not multiplies_bf16():
            raise RecipeError(f"{key}: {SLOW}: write auto, which is fp32 here")
