"""The part of the stage `traces` that asks a teacher, served or local, and so keeps a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill.models.seam import Sampler, served_model
from potstill.pipeline.checkpoints import local_teacher
from potstill.pipeline.settings import teacher_seed
from potstill.pipeline.spending import ASKED
from potstill.progress import Progress
from potstill.recipe import AskedTeacher, LocalTeacher
from potstill.records import Problem, Trace
from potstill.teach.prompts import asking
from potstill.teach.served import served_traces

if TYPE_CHECKING:
    from potstill.pipeline.stages import Context


def asked_traces(context: Context, teacher: AskedTeacher, kept: Path, counts: dict[str, Any]) -> Iterator[Trace]:
    """Ask what the ledger in the folder `kept` lacks, and yield the traces; see `served_traces`.

    Where the run goes on although the money is spent, `counts` says how many samples were not asked.
    """
    recipe, source = context.recipe, context.inputs["problems"]
    strategy, seed = recipe.strategy, teacher_seed(recipe)

    def training() -> Iterator[Problem]:
        return source.rows("train", Problem)

    asked = asking(
        strategy, training, lambda: source.rows("evaluation", Problem), data=Path(recipe.data), seed=seed,
        kept=kept / "shots.json",
    )  # fmt: skip
    model: Sampler
    if isinstance(teacher, LocalTeacher):
        teacher, model = local_teacher(teacher, Path(recipe.data))
    else:
        model = served_model(teacher, context.cap)
    first = min(strategy.samples, strategy.stop_at_right or strategy.samples)
    progress = Progress("teacher", source.total("train") * first, "requests")  # grows with what is asked beyond
    with context.verdicts() as verdicts:
        yield from served_traces(
            training, teacher, model, strategy, asked, seed=seed, ledger=kept / ASKED, progress=progress,
            judge=verdicts.many, go_on=context.go_on, counts=counts,
        )  # fmt: skip
