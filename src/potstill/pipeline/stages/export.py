"""Stage `export`: deliver the trained student, loaded again and compared with what was trained."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

from potstill.export import EXPORTERS, Delivery, Said
from potstill.graph import ArmNode, Graph
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import MODEL
from potstill.pipeline.provenance import base_of, for_strangers, public_teacher, source_name
from potstill.pipeline.stage import Context, Stage
from potstill.recipe import Kl, Recipe
from potstill.records import Example, Measure, Problem
from potstill.train.methods import SECTIONS
from potstill.train.render import ask

KIND, VERSION = "export", 2
PROMPTS = 8
CONVERSATIONS = 200
IMPORTANCE = "importance"
SAFETENSORS, GGUF = "safetensors", "gguf"


def formats_of(recipe: Recipe) -> dict[str, Mapping[str, Any]]:
    """Return the options of each form in which a recipe delivers its student, by exporter."""
    own: dict[str, Mapping[str, Any]] = {SAFETENSORS: {}} if recipe.export.safetensors else {}
    own |= {exporter: {"types": list(types)} for exporter, types in recipe.export.typed.items()}
    if recipe.export.importance and GGUF in own:
        own[GGUF] = {**own[GGUF], IMPORTANCE: recipe.export.importance}
    return own | dict(recipe.export.formats)


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each form in which an arm is delivered."""
    if graph.deliver is None:
        return
    arm = graph.arms[graph.deliver]
    for name, options in formats_of(recipe).items():
        inputs = {"problems": "problems", "model": naming.model(arm, graph), "measures": naming.measures(arm)}
        if options.get(IMPORTANCE):
            inputs["examples"] = naming.examples(graph.sets[arm.phases[-1].on], graph)
        yield Stage(
            kind=KIND, name=naming.export(name), version=VERSION, recipe=arm.recipe, inputs=inputs,
            settings=_settings(recipe, arm) | _of_format(name, options) | _of_rows(name, arm),
            work=partial(work, arm, graph, name),
        )  # fmt: skip


def _of_format(name: str, options: Mapping[str, Any]) -> settings.Settings:
    return {"format": name, "options": json.loads(json.dumps(options)), **EXPORTERS.settings("format", name)}


def _of_rows(name: str, arm: ArmNode) -> settings.Settings:
    """What files of GGUF say of the length of a conversation."""
    return {"longest": arm.recipe.train.max_length} if name == GGUF else {}


def _settings(recipe: Recipe, arm: ArmNode) -> settings.Settings:
    """What the card and the file of conditions say beside what the inputs hold."""
    evaluate = settings.chosen(arm.recipe.evaluate, "evaluation")
    del evaluate["shots"]  # a trained student is shown none
    base = json.loads(json.dumps(dataclasses.asdict(base_of(arm.recipe))))
    return {
        "export": {"licence": recipe.export.licence}, "student": settings.of_rows(arm.recipe),
        "evaluate": evaluate, "train": settings.chosen(arm.recipe.train, "evaluation"), "seed": recipe.seed,
        "name": recipe.name, "base": base, **settings.of_checks(arm.recipe),
    }  # fmt: skip


def work(arm: ArmNode, graph: Graph, name: str, context: Context) -> dict[str, Any]:
    """Write the checkpoint with its card and with how it is asked and judged."""
    from potstill import __version__
    from potstill.evaluate.conditions import conditions_of
    from potstill.evaluate.metrics import summarise
    from potstill.export.card import Card

    recipe, trained = context.recipe, context.inputs["model"]
    asked = {
        problem.key: ask(recipe.student, problem.statement)
        for problem in context.inputs["problems"].rows("evaluation", Problem)
    }
    measures = list(context.inputs["measures"].rows("zero_shot", Measure))
    said = [Said(asked[one.problem_key], one.reasoning, one.answer) for one in measures]
    last = arm.phases[-1].recipe if arm.phases else recipe
    taught = graph.sets[arm.phases[-1].on].recipe if arm.phases else recipe
    card = Card(
        name=recipe.name,
        base=base_of(recipe),
        teacher=public_teacher(taught),
        problems=", ".join(for_strangers(source_name(source), recipe.data) for source in recipe.problems.sources),
        seed=recipe.seed,
        examples=trained.counts["examples"],
        tokens_trained=trained.counts["tokens"],
        loss=_loss(last),
        potstill=__version__,
        measured=summarise(measures),
    )
    if recipe.student.model is not None and not card.base.licence:
        print("export: the licence of the base model is not known: export.licence says it", file=sys.stderr)
    options = formats_of(recipe).get(name, {})
    print(f"export: writing {name}, reloading and comparing", file=sys.stderr)
    return EXPORTERS[name](
        Delivery(
            trained=trained.folder(MODEL),
            out=context.work.path / MODEL,
            prompts=list(asked.values())[:PROMPTS],
            card=card,
            conditions=conditions_of(recipe),
            conversations=said[:CONVERSATIONS],
            longest=recipe.train.max_length,
            options=options,
            examples=_examples(context, int(options.get(IMPORTANCE, 0)), answers=last.train.supervision == "answers"),
        )
    )


def _examples(context: Context, count: int, *, answers: bool) -> list[Said]:
    """Return `count` examples of the last phase, evenly out of all of them; with `answers` without their reasoning."""
    if not count:
        return []
    chosen = context.inputs["examples"]
    every = max(1, chosen.total("examples") // count)
    spread = islice(chosen.rows("examples", Example), 0, every * count, every)
    return [
        Said(ask(context.recipe.student, one.question), "" if answers else one.reasoning, one.answer) for one in spread
    ]


def _loss(recipe: Recipe) -> str:
    """Return the loss of the last phase in words."""
    loss = recipe.train.loss
    if recipe.train.method in SECTIONS:
        own = dataclasses.asdict(getattr(recipe.train, recipe.train.method))
        if recipe.train.method == "grpo":
            own |= {"rewards": tuple(term.text for term in recipe.train.grpo.rewards)}
        said = (
            f"{key} {' then '.join(map(str, value)) if isinstance(value, tuple) else value}"
            for key, value in own.items()
        )
        told = f"{recipe.train.method}, {', '.join(item for item in said if not item.endswith('None'))}"
        return told if loss.kl is None else f"{told}; {_divergence(loss.kl, recipe.data)}"
    told = f"{loss.kind}, alpha {loss.alpha:g}, beta {loss.beta:g}"
    if loss.kl is None:
        return told
    shares = f"{loss.kl.reasoning:g} of reasoning and {loss.kl.answer:g} of answers"
    return f"{told}; {_divergence(loss.kl, recipe.data)} as {shares}"


def _divergence(kl: Kl, data: str) -> str:
    kept = "the whole distribution" if kl.top_k is None else f"the top {kl.top_k} tokens and a tail"
    teacher = f"the arm {kl.arm}" if kl.model is None else for_strangers(kl.model, data)
    return f"{kl.direction} divergence from {kept} of {teacher}"
