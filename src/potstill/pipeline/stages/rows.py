"""Stage `rows`: the examples of one phase as the student reads them, rendered and tokenised once, as shards on disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import islice
from typing import Any

from potstill.graph import Graph
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import MODEL, ROWS
from potstill.pipeline.stage import Context, Stage
from potstill.progress import Progress
from potstill.recipe import Recipe
from potstill.records import Example
from potstill.store import SCRATCH
from potstill.train.methods import learns_from_problems

KIND, VERSION = "rows", 2
WEIGHTS = "*.safetensors"
"""Of a student all but these decides its rows: students of other seeds share them."""


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each phase of each arm; those with equal settings share one output.

    A trained student has the tokenizer of the one it began as, so every phase of an arm reads the base student.
    """
    del recipe
    for arm in graph.arms.values():
        for phase in arm.phases:
            if learns_from_problems(phase.recipe.train.method):
                continue
            inputs = {
                "examples": naming.examples(graph.sets[phase.on], graph), "student": naming.student(arm.student),
            }  # fmt: skip
            yield Stage(
                kind=KIND, name=naming.rows(phase), version=VERSION, recipe=phase.recipe, inputs=inputs,
                without={"student": WEIGHTS}, settings=_settings(phase.recipe), work=work,
            )  # fmt: skip


def _settings(recipe: Recipe) -> settings.Settings:
    return {"student": settings.of_rows(recipe), "train": settings.chosen(recipe.train, "rows")}


def work(context: Context) -> dict[str, Any]:
    """Write the shards; an attempt that was killed goes on behind its last sealed one."""
    from potstill.train.audit import MAX_LENGTH, check_number, check_row
    from potstill.train.render import ask, stop_texts
    from potstill.train.rows import SHARD_TOKENS, RowWriter
    from potstill.train.segments import RowMaker, Unfit
    from potstill.train.students import read_texts

    recipe, source = context.recipe, context.inputs["examples"]
    student = read_texts(context.inputs["student"].folder(MODEL, without=WEIGHTS))
    longest = min(recipe.train.max_length, student.context)
    maker = RowMaker(student.tokenizer, recipe.student, longest, stop_texts(student.tokenizer, student.stop_ids))
    total = source.total("examples")
    writer = RowWriter(context.work.path / SCRATCH / ROWS, SHARD_TOKENS)
    progress = Progress("rows", total, "examples")
    progress.resume_at(writer.examples)
    for index, whole in islice(enumerate(source.rows("examples", Example)), writer.examples, None):
        example = dataclasses.replace(whole, reasoning="") if recipe.train.supervision == "answers" else whole
        made = maker.make(index, example, ask(recipe.student, example.question))
        if isinstance(made, Unfit):
            writer.drop(index, made)
        else:
            check_row(made, student.tokenizer, student.stop_ids)
            writer.add(made, example.problem_key)
        progress.advance()
    progress.close()
    limit = MAX_LENGTH if longest == recipe.train.max_length else f"the student's context of {longest:,} tokens"
    check_number(writer.rows, writer.dropped, limit)
    counts = {"examples": writer.rows, "dropped": writer.dropped, "tokens": writer.tokens}
    writer.close(total)
    writer.shards.move(context.work.path / ROWS)
    return counts
