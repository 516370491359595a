"""Stage `train`: one phase of one arm, from the checkpoint before it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from potstill.graph import Graph, Phase, SetNode
from potstill.pipeline import learnt, naming, settings
from potstill.pipeline.naming import LOGITS, MODEL, ROWS, SCORER
from potstill.pipeline.stage import Context, Stage
from potstill.recipe import Recipe
from potstill.records import Example, Problem, RowReading
from potstill.train.methods import (
    METHODS,
    SECTIONS,
    FromPairs,
    FromProblems,
    FromRows,
    Matched,
    Pairs,
    Source,
    learns_from,
    learns_from_problems,
)

if TYPE_CHECKING:
    from potstill.train.defaults import Chosen
    from potstill.train.rows import Rows

KIND, VERSION = "train", 1


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each phase of each arm."""
    del recipe
    for arm in graph.arms.values():
        before = naming.before(arm, graph)
        for phase in arm.phases:
            on = graph.sets[phase.on]
            matched = () if phase.match is None else naming.trainings(graph.arms[phase.match[1]], graph)
            counted = {f"match {number}": name for number, name in enumerate(matched, 1)}
            source = learns_from(phase.recipe.train.method)
            yield Stage(
                kind=KIND, name=naming.training(phase), version=VERSION, recipe=phase.recipe,
                inputs={**INPUTS[source](phase, on, graph), "student": before}, counted=counted,
                settings=_settings(phase, on.recipe) | _read_by(phase),
                work=partial(WORK[source], phase, on.recipe),
            )  # fmt: skip
            before = naming.training(phase)


def _rows(phase: Phase, on: SetNode, graph: Graph) -> dict[str, str]:
    del on
    teacher = {LOGITS: naming.logits(phase)} if learnt.stored(phase) else learnt.inputs(phase, graph)
    return {"rows": naming.rows(phase), **teacher, **({"problems": "problems"} if _answered(phase) else {})}


def _answered(phase: Phase) -> bool:
    """Whether the student answers problems while it trains."""
    look = phase.recipe.train.look
    return look is not None and look.answers > 0


def _problems(phase: Phase, on: SetNode, graph: Graph) -> dict[str, str]:
    scorers = {_role(name): naming.scorer(name) for name in phase.rewarded_by}
    return {"problems": "problems", "examples": naming.examples(on, graph), **learnt.inputs(phase, graph), **scorers}


def _role(scorer: str) -> str:
    """Return the role of a reward model that answers are rewarded by."""
    return f"{SCORER} {scorer}"


def _read_by(phase: Phase) -> settings.Settings:
    """Return how the reward models of a phase read an answer."""
    read = {name: dataclasses.asdict(reward) for name, reward in phase.rewarded_by.items()}
    return {"scorers": read} if read else {}


def _pairs(phase: Phase, on: SetNode, graph: Graph) -> dict[str, str]:
    del on, graph
    return {"rows": naming.rows(phase), "reference": naming.reference(phase)}


def _settings(phase: Phase, taught: Recipe) -> settings.Settings:
    """How one phase is trained; checkpoints change nothing, for a resumed training ends the same."""
    recipe = phase.recipe
    train = settings.chosen(recipe.train, "training")
    if phase.match is not None:
        train["match"] = phase.match[0]
    for method in SECTIONS - {recipe.train.method}:
        del train[method]
    if learns_from_problems(recipe.train.method):
        return {
            "train": train, "student": settings.chosen(recipe.student, "training") | settings.of_rows(recipe),
            "seed": settings.train_seed(recipe), **settings.of_checks(recipe), **learnt.contents(phase),
        }  # fmt: skip
    if learns_from(recipe.train.method) == "pairs":
        return {
            "train": train, "student": settings.chosen(recipe.student, "training"), "seed": settings.train_seed(recipe)
        }  # fmt: skip
    return {
        "train": train,
        "student": settings.chosen(recipe.student, "training"),
        "seed": settings.train_seed(recipe),
        "curate": settings.chosen(taught.curate, "training"),
        **learnt.contents(phase),
        **({"asked": settings.of_rows(recipe), **settings.of_checks(recipe)} if _answered(phase) else {}),
    }


def work(phase: Phase, taught: Recipe, context: Context) -> dict[str, Any]:
    """Train, and write model, losses and audit."""
    from potstill.train.defaults import counted
    from potstill.train.rows import INDEX, Rows

    shards = context.inputs["rows"]
    shards.read(f"{ROWS}/{INDEX}")  # it is whole; it holds the digests of the shards, which are read as they are needed
    kl = phase.recipe.train.loss.kl
    further: dict[str, Any] = {} if kl is None else {"taught": learnt.taught(kl, context)}
    if _answered(phase):
        from potstill.train.answers import ProblemsApart

        problems = partial(context.inputs["problems"].rows, "train", Problem)
        further["asked"] = ProblemsApart(problems=problems, verdicts=context.verdicts)
    rows = Rows(shards.path / ROWS)
    recipe, chosen = _settled(context.recipe, rows, context.inputs["student"].folder(MODEL))
    for one in chosen:
        print(one, file=sys.stderr)
    method = cast("FromRows", METHODS[recipe.train.method])
    counts = method(
        recipe, phase.name, rows,
        base=context.inputs["student"].folder(MODEL), work=context.work.path, seed=settings.train_seed(context.recipe),
        shuffle=taught.curate.order == "shuffled", matched=_matched(phase, context), **further,
    )  # fmt: skip
    return counts | counted(chosen)


def _settled(recipe: Recipe, rows: Rows, base: Path) -> tuple[Recipe, list[Chosen]]:
    """Return the recipe with numbers in the place of `auto`, and what was chosen."""
    from potstill.models.flops import shape_of
    from potstill.train.defaults import settled
    from potstill.train.looks import set_apart

    train, shape = recipe.train, shape_of(base)
    among = rows.lengths if train.look is None else set_apart(rows.problems, rows.lengths, train.look.share)[0]
    train, chosen = settled(
        train, recipe.student.lora, parameters=shape.parameters, rows=len(among),
        scratch=recipe.student.scratch is not None,
    )  # fmt: skip
    return dataclasses.replace(recipe, train=train), chosen


def practise(phase: Phase, taught: Recipe, context: Context) -> dict[str, Any]:
    """Train on answers to the training problems that the set has examples of; write model, losses and audit."""
    del taught
    wanted = {example.problem_key for example in context.inputs["examples"].rows("examples", Example)}
    problems = [p for p in context.inputs["problems"].rows("train", Problem) if p.key in wanted]
    kl = phase.recipe.train.loss.kl
    further: dict[str, Any] = {} if kl is None else {"taught": learnt.taught(kl, context)}
    if phase.rewarded_by:
        from potstill.train.rewards import TrainedScorer

        models = {name: context.inputs[_role(name)] for name in phase.rewarded_by}
        further["scorers"] = {
            name: TrainedScorer(folder=one.folder(MODEL), digest=one.digest, reward=phase.rewarded_by[name])
            for name, one in models.items()
        }
    method = cast("FromProblems", METHODS[context.recipe.train.method])
    return method(
        context.recipe, phase.name, problems, base=context.inputs["student"].folder(MODEL), work=context.work.path,
        seed=settings.train_seed(context.recipe), verdicts=context.verdicts, matched=_matched(phase, context),
        **further,
    )  # fmt: skip


def prefer(phase: Phase, taught: Recipe, context: Context) -> dict[str, Any]:
    """Train on pairs of rows; write model, losses and audit."""
    from potstill.train.rows import INDEX, Rows

    del taught
    shards, readings = context.inputs["rows"], context.inputs["reference"]
    shards.read(f"{ROWS}/{INDEX}")
    pairs = Pairs(
        rows=Rows(shards.path / ROWS), reference=[one.log_p for one in readings.rows("readings", RowReading)],
        digest=readings.digest,
    )  # fmt: skip
    method = cast("FromPairs", METHODS[context.recipe.train.method])
    return method(
        context.recipe, phase.name, pairs, base=context.inputs["student"].folder(MODEL), work=context.work.path,
        seed=settings.train_seed(context.recipe), matched=_matched(phase, context),
    )  # fmt: skip


def _matched(phase: Phase, context: Context) -> Matched | None:
    if phase.match is None:
        return None
    found = [committed.counts for committed in context.counted.values()]
    return phase.match[0], {key: sum(counts[key] for counts in found) for key in ("rows", "tokens", "flops")}


INPUTS: Mapping[Source, Callable[[Phase, SetNode, Graph], dict[str, str]]] = {
    "rows": _rows, "problems": _problems, "pairs": _pairs,
}  # fmt: skip
WORK: Mapping[Source, Callable[[Phase, Recipe, Context], dict[str, Any]]] = {
    "rows": work, "problems": practise, "pairs": prefer,
}  # fmt: skip
"""What a method learns from -> what its stage reads, and does."""
