"""What judges answers: a language model, a reward model, programs with their tests, the comparison of formulas."""

from __future__ import annotations

from pathlib import Path

from potstill.errors import DataError, PotstillError, RecipeError
from potstill.models.budget import Cap, most_of
from potstill.pipeline.checks.extras import need
from potstill.pipeline.checks.files import check_checkpoint, config_of
from potstill.pipeline.checks.scene import Scene, Teaching
from potstill.progress import Progress
from potstill.verify.judge_prompts import judge_prompt

ARITHMETIC = ("number", "choice", "yes_no", "text", "code")
"""Kinds of answers that are compared without the packages of the extra `verify`."""
HEADS = {"outcome": "SequenceClassification", "process": "TokenClassification"}
"""Kind of a reward model -> how the architecture of its checkpoint ends."""


def judge(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse a judge that could not be asked: no address, no key, no price under a cap, settings that do not fit."""
    del where
    prompt = judge_prompt(teaching.checks, scene.data)
    if teaching.checks.judge is not None:
        from potstill.verify.llm_judge import LanguageJudge

        cap = Cap(most_of(teaching.teacher, teaching.checks.judge))
        LanguageJudge(teaching.checks.judge, teaching.checks, Path(), Progress("judge", 0), prompt, cap)


def reward(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse the folder of a reward model that has no head of its kind."""
    del where
    model = teaching.checks.reward
    if model is None or model.model is None:
        return
    folder = check_checkpoint(model.model, scene.data, "checks.reward.model", 1)
    if folder is None:
        return
    config = config_of(folder, "checks.reward.model")
    head = HEADS[model.kind]
    for name in config.get("architectures") or ():
        if str(name).endswith(("ForCausalLM", *(set(HEADS.values()) - {head}))):
            raise RecipeError(
                f"checks.reward.model: {folder} is a {name}, and a reward model of kind {model.kind} is a ...For{head}"
            )
    labels = len(config["id2label"]) if isinstance(config.get("id2label"), dict) else 2
    if labels not in (1, 2):
        raise RecipeError(f"checks.reward.model: {folder} has {labels} labels: a reward model has one or two")


def comparison(teaching: Teaching, where: str, scene: Scene) -> None:
    """Name what compares formulas and units, where a problem's answer is one."""
    del teaching, where
    if any(p.answer_kind not in ARITHMETIC and not p.checker for p in scene.sample.all):
        need("comparing formulas and units", "verify", "sympy", "pint")


def programs(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse problems that are judged by running programs where nothing isolates them, and tests of no known shape."""
    del teaching, where
    tested = [p for p in scene.sample.all if p.answer_kind == "code" and not p.checker]
    if not tested:
        return
    from potstill.verify.code import read_tests
    from potstill.verify.sandbox import SandboxError, open_sandbox

    for problem in tested:
        try:
            read_tests(problem.facts, problem.question)
        except DataError as error:
            raise DataError(f"the problem {problem.id!r} of {problem.source}: {error}") from None
    try:
        open_sandbox(without=scene.without_sandbox)
    except SandboxError as error:
        raise PotstillError(f"{len(tested)} problems are judged by running programs: {error}") from None
