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
from potstill.records import Example, Pair
from potstill.store import SCRATCH
from potstill.train.methods import learns_from

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
            source = learns_from(phase.recipe.train.method)
            if source == "problems":
                continue
            made_of = {"examples": naming.examples(graph.sets[phase.on], graph)}
            inputs = {
                **(made_of if source == "rows" else {"pairs": naming.pairs(phase)}),
                "student": naming.student(arm.student),
            }  # fmt: skip
            yield Stage(
                kind=KIND, name=naming.rows(phase), version=VERSION, recipe=phase.recipe, inputs=inputs,
                without={"student": WEIGHTS}, settings=_settings(phase.recipe),
                work=work if source == "rows" else of_pairs,
            )  # fmt: skip


def _settings(recipe: Recipe) -> settings.Settings:
    return {"student": settings.of_rows(recipe), "train": settings.chosen(recipe.train, "rows")}


def work(context: Context) -> dict[str, Any]:
    """Write the shards; an attempt that was killed goes on behind its last sealed one."""
    source, answers = context.inputs["examples"], context.recipe.train.supervision == "answers"

    def rows() -> Iterator[tuple[Example, ...]]:
        for whole in source.rows("examples", Example):
            yield (dataclasses.replace(whole, reasoning="") if answers else whole,)

    return _written(context, rows(), source.total("examples"))


def of_pairs(context: Context) -> dict[str, Any]:
    """Write the shards of pairs, the better answer of each first; a pair is left out whole."""
    source = context.inputs["pairs"]
    rows = (_sides(pair) for pair in source.rows("pairs", Pair))
    counts = _written(context, rows, source.total("pairs"))
    return counts | {"examples": counts["examples"] // 2}


def _sides(pair: Pair) -> tuple[Example, Example]:
    better, worse = (
        Example(problem_key=pair.problem_key, trace_key=key, question=pair.question, reasoning=reasoning, answer=answer)
        for key, reasoning, answer in (
            (pair.chosen, pair.chosen_reasoning, pair.chosen_answer),
            (pair.rejected, pair.rejected_reasoning, pair.rejected_answer),
        )
    )
    return better, worse


def _written(context: Context, entries: Iterator[tuple[Example, ...]], total: int) -> dict[str, Any]:
    """Write the rows of each entry one behind the other; an entry of which one makes no row has none."""
    from potstill.train.audit import MAX_LENGTH, check_number, check_row
    from potstill.train.render import ask, stop_texts
    from potstill.train.rows import SHARD_TOKENS, RowWriter
    from potstill.train.segments import RowMaker, Unfit
    from potstill.train.students import read_texts

    recipe = context.recipe
    student = read_texts(context.inputs["student"].folder(MODEL, without=WEIGHTS))
    longest = min(recipe.train.max_length, student.context)
    maker = RowMaker(student.tokenizer, recipe.student, longest, stop_texts(student.tokenizer, student.stop_ids))
    writer = RowWriter(context.work.path / SCRATCH / ROWS, SHARD_TOKENS)
    progress = Progress("rows", total, "examples")
    progress.resume_at(writer.examples)
    for index, entry in islice(enumerate(entries), writer.examples, None):
        made = [maker.make(index, example, ask(recipe.student, example.question)) for example in entry]
        unfit = next((one for one in made if isinstance(one, Unfit)), None)
        if unfit is not None:
            writer.drop(index, unfit)
        for number, row in enumerate(made, 1):
            if unfit is None and not isinstance(row, Unfit):
                check_row(row, student.tokenizer, student.stop_ids)
                writer.add(row, entry[0].problem_key, last=number == len(made))
        progress.advance()
    progress.close()
    limit = MAX_LENGTH if longest == recipe.train.max_length else f"the student's context of {longest:,} tokens"
    check_number(writer.rows, writer.dropped, limit)
    counts = {"examples": writer.rows, "dropped": writer.dropped, "tokens": writer.tokens}
    writer.close(total)
    writer.shards.move(context.work.path / ROWS)
    return counts
