"""Stage `logits`: what a teacher says at each token that a phase trains, its top tokens and the mass of all others.

Phases with the same rows, teacher and `top_k` share one output, whatever they make of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from potstill.graph import Graph
from potstill.models.flops import Account, shape_of_model
from potstill.pipeline import learnt, naming
from potstill.pipeline.naming import LOGITS, MODEL, ROWS
from potstill.pipeline.stage import Context, Stage
from potstill.pipeline.stages.rows import WEIGHTS
from potstill.progress import Progress
from potstill.recipe import Kl, Recipe
from potstill.store import SCRATCH

KIND, VERSION = "logits", 1


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each phase that learns from stored distributions."""
    del recipe
    for arm in graph.arms.values():
        for phase in arm.phases:
            kl = phase.recipe.train.loss.kl
            if kl is None or not learnt.stored(phase):
                continue
            inputs = {ROWS: naming.rows(phase), "student": naming.student(arm.student), **learnt.inputs(phase, graph)}
            made = {"model": kl.model, "top_k": kl.top_k, "precision": kl.precision} | learnt.contents(phase)
            yield Stage(
                kind=KIND, name=naming.logits(phase), version=VERSION, recipe=phase.recipe, inputs=inputs,
                without={"student": WEIGHTS}, settings={"kl": made}, work=partial(work, kl),
            )  # fmt: skip


def work(kl: Kl, context: Context) -> dict[str, Any]:
    """Write the shards; an attempt that was killed goes on behind its last sealed one."""
    from potstill.train.capture import captured
    from potstill.train.logits import LogitWriter
    from potstill.train.rows import Rows
    from potstill.train.students import read_texts
    from potstill.train.teacher import about, opened

    rows = Rows(context.inputs[ROWS].path / ROWS)
    tokenizer = read_texts(context.inputs["student"].folder(MODEL, without=WEIGHTS)).tokenizer
    taught = learnt.taught(kl, context)
    teacher = opened(taught.name, kl, tokenizer, int(rows.lengths.max()))
    size = max(tokenizer.get_vocab().values()) + 1
    writer = LogitWriter(context.work.path / SCRATCH / LOGITS, about(taught, kl, rows, tokenizer, teacher))
    progress = Progress("logits", len(rows), "rows")
    progress.resume_at(writer.rows)
    for window in captured(teacher, rows, size, int(kl.top_k or 1), int(tokenizer.pad_token_id), writer.rows):
        writer.add(window)
        progress.advance(len(window))
    progress.close()
    writer.close()
    writer.shards.move(context.work.path / LOGITS)
    account = Account(shape_of_model(teacher.model))
    for length, trained in zip(rows.lengths, rows.trained, strict=True):
        account.scored(int(length), int(trained))
    return {"rows": len(rows), "scoring": account.counts()}
