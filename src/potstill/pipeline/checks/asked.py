"""Teachers that are asked, request by request: address, key, price and terms, prompt and worked examples."""

from __future__ import annotations

from potstill.errors import RecipeError
from potstill.pipeline.checks.files import check_checkpoint, check_file
from potstill.pipeline.checks.scene import Scene, Teaching
from potstill.recipe import AskedTeacher, LocalTeacher, ServedTeacher, Ways


def served(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse a server that could not be asked: no address, no key, settings of another's, a cap without a price."""
    teacher = teaching.teacher
    if not isinstance(teacher, AskedTeacher):
        return
    from potstill.models.sampler import served_model
    from potstill.models.sampling import wire_sampling
    from potstill.models.terms import check_terms
    from potstill.teach.prompt_files import prompt_of, role_prompts

    wire_sampling(teacher.sampling, 0, f"{where}.sampling")
    if isinstance(teacher, ServedTeacher):
        served_model(teacher)
    check_terms(teacher)
    retry = teacher.retry_max_tokens
    if retry is not None and retry <= teacher.sampling.max_tokens:
        raise RecipeError(
            f"{where}.retry_max_tokens: {retry} is no more than sampling.max_tokens ({teacher.sampling.max_tokens}), "
            "so a truncated trace would be asked for again in vain: raise it, or leave it out for twice as many"
        )
    prompt_of(teaching.strategy, scene.data)
    role_prompts(teaching.strategy, scene.data)
    if teaching.strategy.kind == "strategies":
        from potstill.teach.strategies.strategies import instructions

        instructions(teaching.strategy.ways or Ways(), scene.data)
    if teaching.strategy.shots_file is not None:
        check_file(scene.data / teaching.strategy.shots_file, "strategy.shots_file")


def local(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse the folder of a local teacher that is none, or has no room for its answers."""
    teacher = teaching.teacher
    if isinstance(teacher, LocalTeacher):
        weights = teacher.engine == "transformers"
        check_checkpoint(teacher.model, scene.data, f"{where}.model", teacher.sampling.max_tokens, weights=weights)


def shots(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse worked examples that cannot be read, are too few or ask what is held out."""
    del where
    strategy = teaching.strategy
    if not isinstance(teaching.teacher, AskedTeacher) or strategy.kind != "few_shot":
        return
    from potstill.teach.shots import check_drawn, read_shots

    if strategy.shots_file is not None:
        read_shots(strategy.shots_file, scene.data, strategy.shots, scene.sample.held_out)
    elif scene.sample.whole:
        check_drawn(scene.sample.training, scene.sample.held_out, strategy.shots)


def look(teaching: Teaching, where: str, scene: Scene) -> None:
    """Refuse a local teacher whose tokenizer, template or weights cannot serve. Imports torch."""
    teacher = teaching.teacher
    if not isinstance(teacher, LocalTeacher) or teacher.engine != "transformers":
        return
    from potstill.pipeline.checks.models import see_teacher

    see_teacher(teacher, f"{where}.model", scene)
