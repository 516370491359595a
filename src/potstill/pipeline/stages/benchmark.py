"""Stage `benchmark`: an arm by a published protocol, on the user's file of its problems."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from potstill.durable import digest_of
from potstill.evaluate.benchmarks.figures import figures
from potstill.evaluate.protocol import TableLine
from potstill.graph import ArmNode, Graph
from potstill.models.flops import Account, shape_of
from potstill.models.ledger import Ledger
from potstill.pipeline import benchmarking, naming, settings
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import STUDENTS, Context, Stage
from potstill.progress import Progress
from potstill.recipe import Benchmark, Recipe
from potstill.records import Measure
from potstill.table_parts import PART_ROWS

KIND, VERSION, TABLE = "benchmark", 2, "measures"


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each benchmark of each arm."""
    del recipe
    for arm in graph.arms.values():
        for asked in arm.recipe.evaluate.benchmarks:
            yield Stage(
                kind=KIND, name=naming.benchmark(arm, asked), version=VERSION, recipe=arm.recipe,
                inputs={"problems": naming.PROBLEMS, "model": naming.model(arm, graph)},
                settings=_settings(arm, asked), work=partial(work, arm, asked),
            )  # fmt: skip


def _settings(arm: ArmNode, asked: Benchmark) -> settings.Settings:
    """What decides the figures: the protocol whole, the file by content, how answers are split and judged."""
    recipe = arm.recipe
    path = Path(recipe.data) / asked.file
    file = {"file contents": digest_of(path)} if path.exists() else {}
    return {
        "arm": arm.name, "protocol": benchmarking.protocol_of(asked, "evaluate.benchmarks").key, **file,
        "benchmark": settings.chosen(asked, "evaluation"), "train": settings.chosen(recipe.train, "evaluation"),
        "student": settings.of_rows(recipe), "seed": recipe.seed, **settings.of_checks(recipe),
    }  # fmt: skip


def work(arm: ArmNode, asked: Benchmark, context: Context) -> dict[str, Any]:
    """Write the table of measures and the figures that the protocol names."""
    from potstill.pipeline.checkpoints import local_student
    from potstill.verify import Verdicts, settled

    recipe = context.recipe
    where = "evaluate.benchmarks"
    ready = benchmarking.prepared(asked, Path(recipe.data), where, where)
    protocol, checkpoint = ready.protocol, context.inputs["model"].folder(MODEL)
    benchmarking.check_context(protocol, checkpoint, where)
    student = local_student(str(checkpoint), arm.name, recipe.train.precision, recipe.evaluate.batch,
                            context.run.ledger)  # fmt: skip
    posed = ready.posed(student, recipe.seed)
    table = context.work.table(TABLE, Measure, recipe.evaluate.batch or PART_ROWS)
    progress = Progress(f"benchmark {protocol.name} of {arm.name}", len(posed), "responses")
    judging = Verdicts(
        settled(recipe.checks, ready.problems), folder=context.run.ledger, data=Path(recipe.data),
        without_sandbox=context.without_sandbox, cap=context.cap, go_on=context.go_on,
    )  # fmt: skip
    with Ledger(context.run.ledger / STUDENTS) as ledger, judging as verdicts:
        row = TableLine(arm.name, protocol.name)
        for measure in benchmarking.measured(posed, student, ledger, row, recipe.student, verdicts, progress,
                                             table.rows_done):  # fmt: skip
            table.append(measure)
    progress.close()
    table.close()
    account = Account(shape_of(checkpoint))
    measures = list(table.rows())
    for measure in measures:
        account.sampled(measure.prompt_tokens, measure.completion_tokens)
    told = {
        metric: [None if math.isnan(each) else each for each in (value.value, value.low, value.high)]
        for metric, value in figures(protocol, measures)
    }
    return {
        "tables": [TABLE], "benchmark": protocol.name, "title": protocol.title, "told": protocol.settings,
        "changed": list(protocol.changed), "figures": told, "sampling": account.counts(),
    }  # fmt: skip
