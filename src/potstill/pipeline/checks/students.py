"""Students: their files, and with torch at hand one made-up example through tokenizer and template."""

from __future__ import annotations

from inspect import signature

from potstill.errors import RecipeError
from potstill.hardware import gpus, processors
from potstill.models.terms import check_terms
from potstill.pipeline.checks.files import check_checkpoint
from potstill.pipeline.checks.scene import Arm, Pairing, Scene
from potstill.recipe import DatasetTeacher, LocalTeacher, SolutionsTeacher, Student
from potstill.train.defaults import asked
from potstill.train.methods import METHODS
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


def processes(arm: Arm, where: str, scene: Scene) -> None:
    """Refuse more processes of a training than there are GPUs for, or cores where there is none."""
    del where, scene
    asked = arm.train.processes
    if asked == 1:
        return
    have, what = (gpus(), "GPU") if gpus() else (processors(), "processor core")
    if asked > have:
        plural = "s" if have > 1 else ""
        raise RecipeError(
            f"train.processes: {asked} processes want a {what} each, and {have} {what}{plural} can be used here: "
            f"set {have}" + (" or less" if have > 1 else "")
        )


def look(arm: Arm, where: str, scene: Scene) -> None:
    """Refuse a student that could not be trained or asked as the recipe says. Imports torch."""
    student = arm.student
    if student.model is None or _is_tested(arm):
        return
    from potstill.pipeline.checks.models import see, see_packing

    seen = see(student.model, f"{where}.model", scene)
    if seen is None:
        return
    seen.train(student, arm.train)
    if arm.train.packing == "always":
        see_packing(student.model, f"{where}.model", arm.train, scene)
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


def auto(arm: Arm, where: str, scene: Scene) -> None:
    """Say by which rules settings are chosen once the number of rows is known."""
    del where
    scene.unknown += asked(arm.train)


def looks(arm: Arm, where: str, scene: Scene) -> None:
    """Refuse looks at rows that a method does not set apart."""
    del where, scene
    if arm.train.look is not None and arm.train.method != "sft":
        raise RecipeError(f"train.look: the method {arm.train.method} sets no rows apart: leave it out")


def pairs(pairing: Pairing, where: str, scene: Scene) -> None:
    """Refuse pairs of the answers of a set that has one a problem."""
    del scene
    its, on = pairing.of.recipe, pairing.phase.on
    if isinstance(its.teacher, SolutionsTeacher) or (
        not isinstance(its.teacher, DatasetTeacher) and its.strategy.samples < 2
    ):
        raise RecipeError(
            f"{where}: {pairing.phase.recipe.train.method} prefers one answer to another, and the set {on} has one a "
            "problem: raise strategy.samples, or train on a set that an arm teaches"
        )
    if "judge" in pairing.phase.recipe.train.dpo.prefer and its.checks.judge is None:
        raise RecipeError(f"{where}.dpo.prefer: judge asks a language model, and the set {on} has no checks.judge")


def distributions(arm: Arm, where: str, scene: Scene) -> None:
    """Refuse a teacher of distributions that is no checkpoint, or an arm whose student is made with other tokens."""
    kl, scratch = arm.train.loss.kl, arm.student.scratch
    if kl is None:
        return
    takes = signature(METHODS[arm.train.method]).parameters.values() if arm.train.method != "sft" else ()
    if takes and not any(item.name == "taught" or item.kind is item.VAR_KEYWORD for item in takes):
        raise RecipeError(f"train.loss.kl: the method {arm.train.method} learns from text alone: leave it out")
    if kl.model is not None:
        check_checkpoint(kl.model, scene.data, "train.loss.kl.model", max_tokens=1)
        model = LocalTeacher(kind="local", model=kl.model, terms=kl.terms, allow_restricted=kl.allow_restricted)
        check_terms(model, where="train.loss.kl")
        if scratch is not None:
            scene.unknown.append(f"{where}: whether train.loss.kl.model has the tokens of a student yet to be made")
        return
    theirs = scene.graph.arms[str(kl.arm)].recipe.student
    if (theirs.scratch is None) != (scratch is None) or (
        theirs.scratch is not None and scratch is not None and theirs.scratch.vocabulary != scratch.vocabulary
    ):
        raise RecipeError(
            f"train.loss.kl.arm: the student of {kl.arm} has another tokenizer, and only text crosses tokenizers: "
            "leave kl out and train on its traces, or give both the same tokenizer"
        )


def look_at_teacher(arm: Arm, where: str, scene: Scene) -> None:
    """Refuse a teacher of distributions that cuts text differently from the student, or ends it otherwise."""
    kl, student = arm.train.loss.kl, arm.student
    if kl is None or student.model is None:
        return
    name = kl.model or scene.graph.arms[str(kl.arm)].recipe.student.model
    if name is None or name == student.model:
        return
    from potstill.pipeline.checks.models import see
    from potstill.train.teacher import check_vocabulary

    key = f"train.loss.kl.{'model' if kl.model else 'arm'}"
    ours, theirs = see(student.model, f"{where}.model", scene), see(name, key, scene)
    if ours is not None and theirs is not None:
        check_vocabulary(ours.tokenizer, theirs.tokenizer, key)
