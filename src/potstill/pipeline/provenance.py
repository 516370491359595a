"""What sources and teachers are called wherever people read of a run."""

from __future__ import annotations

from potstill.recipe import ArmTeacher, AskedTeacher, DatasetTeacher, Recipe, Source


def source_name(source: Source) -> str:
    """Return what a source of problems is called."""
    return next(
        str(name) for name in (source.family, source.reasoning_gym, source.file, source.dataset, source.loader) if name
    )


def teacher_name(recipe: Recipe) -> str:
    """Return what a teacher is called."""
    teacher = recipe.teacher
    if isinstance(teacher, AskedTeacher):
        return teacher.model
    if isinstance(teacher, ArmTeacher):
        return f"the arm {teacher.arm}" + (f" of {teacher.run}" if teacher.run else "")
    return teacher.file if isinstance(teacher, DatasetTeacher) else teacher.kind
