"""Stage `listen`: a student reads the traces of a set before it is trained on any, for curation to choose by."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

from potstill.curate.listened import Listened, means
from potstill.graph import ArmNode, Graph
from potstill.models.flops import Account, shape_of
from potstill.pipeline import naming, settings
from potstill.pipeline.judging import NOT_ASKED
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import Context, Stage
from potstill.progress import Progress
from potstill.recipe import Recipe
from potstill.records import Problem, Trace

KIND, VERSION, TABLE = "listen", 1, "listened"
WINDOW = 256
"""Traces that are sorted by length and read together; a run that goes on after a kill makes the same batches."""


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each set that a student listens to."""
    del recipe
    for node in graph.sets.values():
        listener = node.recipe.checks.listener
        if listener is None:
            continue
        arm = graph.arms[listener]
        yield Stage(
            kind=KIND, name=naming.listened(node, graph), version=VERSION, recipe=node.recipe,
            inputs={
                "problems": naming.PROBLEMS, "traces": naming.traces(node, graph), "model": naming.model(arm, graph),
            },
            settings={
                "student": settings.of_rows(arm.recipe), "max_length": arm.recipe.train.max_length,
                "precision": arm.recipe.train.precision,
            },
            work=partial(work, arm),
        )  # fmt: skip


def work(arm: ArmNode, context: Context) -> dict[str, Any]:
    """Write a row for every trace, and how many could not be read."""
    from potstill.models.local.loading import context_of
    from potstill.train.listening import listened
    from potstill.train.render import stop_texts
    from potstill.train.segments import RowMaker
    from potstill.train.students import read_texts
    from potstill.train.teacher import live_teacher, load_teacher

    folder, recipe = context.inputs["model"].folder(MODEL), arm.recipe
    shown = f"checks.listener: {arm.name}"
    model, _ = load_teacher(str(folder), shown, recipe.train.precision)
    reader, texts = live_teacher(model, shown, str(folder), recipe.train.precision), read_texts(folder)
    longest = min(recipe.train.max_length, context_of(model.config))
    stops = stop_texts(texts.tokenizer, texts.stop_ids)
    maker = RowMaker(texts.tokenizer, recipe.student, longest, stops)
    problems = context.inputs["problems"]
    known = {problem.key: problem for problem in problems.rows("train", Problem)}
    traces = context.inputs["traces"]
    table = context.work.table(TABLE, Listened, WINDOW)
    progress = Progress(f"{arm.name} listens", traces.total("traces"))
    progress.resume_at(table.rows_done)
    rest = islice(traces.rows("traces", Trace), table.rows_done, None)
    while window := list(islice(rest, WINDOW)):
        pairs = [(known.get(trace.problem_key, NOT_ASKED), trace) for trace in window]
        for row in listened(reader, maker, pairs, int(texts.tokenizer.pad_token_id)):
            table.append(row)
            progress.advance()
    progress.close()
    table.close()
    account, unread = Account(shape_of(folder)), 0
    for row in table.rows():
        account.scored(row.read, row.tokens)
        unread += row.surprisal is None
    return {
        "listened": traces.total("traces"), "unread": unread, "means": means(table.rows()),
        "scoring": account.counts(),
    }  # fmt: skip
