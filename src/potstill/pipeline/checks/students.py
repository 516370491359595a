"""Students: their files, and with torch at hand one made-up example through tokenizer and template."""

from __future__ import annotations

from potstill.errors import RecipeError
from potstill.pipeline.checks.files import check_checkpoint
from potstill.pipeline.checks.scene import Arm, Scene
from potstill.recipe import Student
from potstill.train.render import ask
from potstill.train.students import PACKAGED

TESTED_LENGTH = 512
"""Tokens of a row from which the packaged student, asked as it is by default, needs no looking at: our tests do."""


def files(arm: Arm, where: str, scene: Scene) -> None:
    """Refuse the folder of a student that is none, and a student from nothing whose rows cannot hold any question."""
    if arm.student.model is not None:
        check_checkpoint(arm.student.model, scene.data, f"{where}.model", arm.evaluate.max_tokens)
    elif arm.student.scratch is not None:
        _refuse_short_rows(arm, scene)


def look(arm: Arm, where: str, scene: Scene) -> None:
    """Refuse a student that could not be trained or asked as the recipe says. Imports torch."""
    student = arm.student
    if student.model is None or _is_tested(arm):
        return
    from potstill.pipeline.checks.models import see

    seen = see(student.model, f"{where}.model", scene)
    if seen is None:
        return
    seen.train(student, arm.train)
    if scene.sample.whole:
        seen.room("train.max_length", [ask(student, p.statement) for p in scene.sample.training], arm.train.max_length)


def _is_tested(arm: Arm) -> bool:
    plain = Student(model=PACKAGED, lora=arm.student.lora)
    return arm.student == plain and arm.train.max_length >= TESTED_LENGTH


def _refuse_short_rows(arm: Arm, scene: Scene) -> None:
    """Refuse rows shorter than any question: a student from nothing has a token a digit, mark and turn."""
    scratch, sample = arm.student.scratch, scene.sample
    if scratch is None or not sample.whole:
        return
    asked = [ask(arm.student, problem.statement) for problem in sample.training]
    marks = sum(bool(mark.strip()) for mark in (arm.student.reasoning_open, arm.student.reasoning_close))
    shortest = min(sum(character.isdecimal() for character in text) for text in asked) + marks + 5
    for key, limit in (("train.max_length", arm.train.max_length), ("student.scratch.context", scratch.context)):
        if shortest > limit:
            raise RecipeError(f"{key}: no row has fewer than {shortest} tokens, and {limit} are allowed: raise it")
