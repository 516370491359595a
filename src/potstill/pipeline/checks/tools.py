"""Tools of teachers and of students: their files and functions, and the sandbox that programs need."""

from __future__ import annotations

from collections.abc import Sequence

from potstill.errors import PotstillError, RecipeError
from potstill.pipeline.checks.scene import Arm, Scene, Teaching
from potstill.recipe import Tool, WorkedTeacher


def of_teacher(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse tools of a strategy that cannot work, and a worked teacher whose tools it never calls."""
    del where
    if teaching.strategy.kind != "react":
        return
    _refuse(teaching.strategy.tools, "strategy.tools", scene)
    kinds = {one.kind for one in teaching.strategy.tools}
    if isinstance(teaching.teacher, WorkedTeacher) and not kinds & {"python", "calculator"}:
        raise RecipeError("strategy.tools: the worked teacher calls python or calculator, and neither is there")


def of_students(arm: Arm, where: str, scene: Scene) -> None:
    """Refuse tools that students are measured with and that cannot work."""
    del where
    _refuse(arm.evaluate.tools, "evaluate.tools", scene)


def _refuse(tools: Sequence[Tool], where: str, scene: Scene) -> None:
    if not tools:
        return
    from potstill.teach.tools import TOOLS
    from potstill.verify.sandbox import SandboxError

    for index, one in enumerate(tools):
        try:
            TOOLS[one.kind].tool(one, scene.data)
        except RecipeError as error:
            raise RecipeError(f"{where}.{index}: {error}") from None
        except SandboxError as error:
            raise PotstillError(f"{where}.{index}: {one.kind} runs programs: {error}") from None
