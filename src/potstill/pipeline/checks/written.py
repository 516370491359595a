"""Problems that the teacher writes: who writes, and by which prompts."""

from __future__ import annotations

from potstill.errors import RecipeError
from potstill.pipeline.checks.scene import Scene
from potstill.recipe import AskedTeacher, Written


def writing(written: Written, where: str, scene: Scene) -> None:
    """Refuse writing by a teacher that nobody can ask, and prompts that cannot be read."""
    from potstill.teach.writing import prompts_of

    prompts_of(written, scene.data)
    teacher = scene.recipe.teacher
    if not isinstance(teacher, AskedTeacher):
        raise RecipeError(
            f"{where}: problems are written by the recipe's `teacher`, which has to be served or local, and is "
            f"{teacher.kind!r}; leave `written` out, or name such a teacher and give the sets teachers of their own"
        )
