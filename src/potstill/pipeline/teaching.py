"""The part of the stage `traces` that asks a teacher, served or local, and so keeps a ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from potstill.models.flops import Account, ModelShape, shape_if_here, shape_of
from potstill.models.sampler import Sampler, served_model
from potstill.pipeline.checkpoints import arm_checkpoint, arm_teacher, local_teacher, located, noted_days
from potstill.pipeline.piloting import WAYS, Measured, names_of, noted_pilot
from potstill.pipeline.settings import has_pilot, teacher_seed
from potstill.pipeline.spending import ASKED
from potstill.pipeline.stage import Context
from potstill.progress import Progress
from potstill.recipe import ArmTeacher, AskedTeacher, LocalTeacher, Ways
from potstill.records import Problem, Trace
from potstill.teach.piloted_ways import spared
from potstill.teach.prompt_files import prompt_of
from potstill.teach.samples import Judge
from potstill.teach.served import served_traces
from potstill.teach.strategies import STRATEGIES, Material


@dataclass(frozen=True)
class Pilot:
    """The few problems that a pilot asks, and the account that it watches grow."""

    problems: Sequence[Problem]
    account: Account


def asked_traces(
    context: Context, asked: AskedTeacher | ArmTeacher, checkpoint: Path | None, counts: dict[str, Any],
    some: Pilot | None = None, measured: Measured | None = None,
) -> Iterator[Trace]:  # fmt: skip
    """Ask what the run's ledger lacks, and yield the traces; see `served_traces`. With `some` only those problems.

    `measured` are the ways that students have found for kinds of problems, None where a pilot asks the teacher.

    `checkpoint` is the model of an arm of this recipe. Where the run goes on although the money is spent, `counts` says
    how many samples were not asked; of a local teacher whose chat template tells the date, which day it told.
    """
    recipe, source, kept = context.recipe, context.inputs["problems"], context.run.ledger
    strategy, seed, data = recipe.strategy, teacher_seed(recipe), Path(recipe.data)

    def training() -> Iterator[Problem]:
        return source.rows("train", Problem)

    left = spared(training(), strategy.ways or Ways())

    def problems() -> Iterator[Problem]:
        if some is not None:
            return iter(some.problems)
        return (problem for problem in training() if problem.key not in left)

    model: Sampler
    teacher: AskedTeacher
    if isinstance(asked, ArmTeacher):
        teacher, model = arm_teacher(asked, checkpoint, data)
    elif isinstance(asked, LocalTeacher):
        teacher, model = local_teacher(asked, data, kept)
    else:
        teacher, model = asked, served_model(asked, context.cap)
    first = min(strategy.samples, strategy.stop_at_right or strategy.samples)
    number = source.total("train") - len(left) if some is None else len(some.problems)
    progress = Progress("teacher", number * first, "requests")  # grows with what is asked beyond
    account = Account(_shape(asked, checkpoint, data)) if some is None else some.account
    with context.verdicts() as verdicts:
        if measured is None and has_pilot(strategy):
            measured = _piloted(context, teacher, model, verdicts.many, training, counts)
        material = Material(
            training=training, held_out=lambda: source.rows("evaluation", Problem), data=data, seed=seed,
            kept=kept / f"shots-{seed}-{strategy.shots}.json", measured=measured or {},
        )  # fmt: skip
        asking = STRATEGIES[strategy.kind].asking(prompt_of(strategy, data), strategy, material)
        yield from served_traces(
            problems, teacher, model, strategy, asking, seed=seed, ledger=kept / ASKED, progress=progress,
            judge=verdicts.many, account=account, go_on=context.go_on, counts=counts,
        )  # fmt: skip
    counts["sampling"] = account.counts()
    counts |= context.not_asked(counts.pop("not_asked", 0))
    if isinstance(asked, LocalTeacher) and (day := noted_days(kept).get(asked.model)):
        counts["day"] = day


def _piloted(
    context: Context, teacher: AskedTeacher, model: Sampler, judge: Judge, training: Callable[[], Iterator[Problem]],
    counts: dict[str, Any],
) -> Measured:  # fmt: skip
    """Try the ways of `strategies` on a few problems of each kind; `counts` gets what came of it."""
    from potstill.teach.piloted_ways import chosen_ways, note, piloted
    from potstill.teach.strategies.strategies import choosing, kind_of

    recipe = context.recipe
    data, seed, strategy = Path(recipe.data), teacher_seed(recipe), recipe.strategy
    ways, prompt = strategy.ways or Ways(), prompt_of(strategy, data)
    once, account = replace(strategy, samples=1, stop_at_right=None), Account(None)

    def ask(name: str, asked: Sequence[Problem]) -> Iterator[Trace]:
        under = choosing(prompt, strategy, data, seed, {kind_of(problem, ways): (name,) for problem in asked})
        return served_traces(
            lambda: asked, teacher, model, once, under, seed=seed, ledger=context.run.ledger / ASKED,
            progress=Progress(f"pilot: {name}", len(asked), "requests"), judge=judge, account=account,
        )  # fmt: skip

    tried = piloted(training(), ways, names_of(recipe), ask, judge)
    note(context.run.ledger / WAYS.format(seed), tried)
    counts["pilot"] = noted_pilot(tried, account.counts())
    return chosen_ways(tried)


def _shape(asked: AskedTeacher | ArmTeacher, checkpoint: Path | None, data: Path) -> ModelShape | None:
    """Return the shape of a teacher whose checkpoint is a folder here, None of any other."""
    if isinstance(asked, ArmTeacher):
        return shape_of(checkpoint or arm_checkpoint(data / Path(asked.run or "").expanduser(), asked.arm))
    return shape_if_here(Path(located(asked.model, data))) if isinstance(asked, LocalTeacher) else None
