"""Stage `evaluate`: measure an arm on the held-out problems."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from potstill.evaluate.protocol import ModelUnderTest, TableLine, choose_shots, requests_of
from potstill.evaluate.protocol import measure as measures_of
from potstill.evaluate.tool_answers import tools_at_hand
from potstill.graph import ArmNode, Graph, SetNode
from potstill.models.flops import Account, shape_of
from potstill.models.ledger import Ledger
from potstill.models.local.alone import timed_alone
from potstill.models.local.inprocess import InProcess
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import STUDENTS, Context, Stage
from potstill.pipeline.taught_ways import taught_by_ways, told_settings, told_statement, ways_of
from potstill.progress import Progress
from potstill.recipe import Recipe
from potstill.records import Example, Measure, Problem
from potstill.table_parts import PART_ROWS

KIND, VERSION = "evaluate", 4


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each arm, and for its earlier phases where they are measured too."""
    del recipe
    for arm in graph.arms.values():
        inputs = {"problems": "problems", "model": naming.model(arm, graph)}
        if _shown(arm):
            inputs["examples"] = naming.examples(graph.sets[graph.main], graph)
        node = taught_by_ways(arm, graph)
        own: settings.Settings = {}
        if node is not None and not ways_of(node).erase:
            inputs["told"], own = naming.traces(node, graph), {"told": told_settings(node)}
        yield Stage(
            kind=KIND, name=naming.measures(arm), version=VERSION, recipe=arm.recipe, inputs=inputs,
            settings=measured_by(arm) | own, work=partial(work, arm, arm.name, node),
        )  # fmt: skip
        for phase in arm.phases[:-1] if arm.recipe.evaluate.phases else ():
            yield Stage(
                kind=KIND, name=naming.measures_of_phase(phase), version=VERSION, recipe=arm.recipe,
                inputs={"problems": "problems", "model": naming.training(phase)},
                settings=measured_by(arm) | {"arm": phase.name}, work=partial(work, arm, phase.name, None),
            )  # fmt: skip


def _shown(arm: ArmNode) -> bool:
    """Whether the arm is asked after worked examples too: one that was not trained to answer plainly."""
    return not arm.trained and arm.recipe.evaluate.shots > 0


def measured_by(arm: ArmNode) -> settings.Settings:
    """How an arm is measured; only an untouched one is shown examples, and only draws depend on the seed."""
    recipe = arm.recipe
    evaluate = settings.chosen(recipe.evaluate, "evaluation")
    if not _shown(arm):
        del evaluate["shots"]
    found = {
        "arm": arm.name, "evaluate": evaluate, "train": settings.chosen(recipe.train, "evaluation"),
        "student": settings.of_rows(recipe),
    }  # fmt: skip
    if recipe.evaluate.tools:
        evaluate |= settings.of_tools(recipe.evaluate.tools, Path(recipe.data))
    else:
        del evaluate["tools"], evaluate["most_calls"]
    drawn = recipe.evaluate.temperature > 0 or _shown(arm)
    return found | settings.of_checks(recipe) | ({"seed": recipe.seed} if drawn else {})


def work(arm: ArmNode, name: str, node: SetNode | None, context: Context) -> dict[str, Any]:
    """Write a table of measures for each way in which the arm is asked; `name` is its own or that of a phase.

    `node` is the set of the strategy `strategies` that taught it.
    """
    from potstill.pipeline.checkpoints import local_student

    recipe = context.recipe
    checkpoint = str(context.inputs["model"].folder(MODEL))
    student = local_student(checkpoint, name, recipe.train.precision, recipe.evaluate.batch, context.run.ledger)
    rows = {"zero_shot": TableLine(name, "zero-shot")}
    if node is not None and "told" in context.inputs:
        statement = told_statement(node, context.inputs["told"])
        rows = {"zero_shot": TableLine(name, "zero-shot", statement=statement)}
    if _shown(arm):
        shots = choose_shots(context.inputs["examples"].rows("examples", Example), recipe.evaluate.shots, recipe.seed)
        rows["few_shot"] = TableLine(name, f"{len(shots)}-shot", shots)
    account = Account(shape_of(Path(checkpoint)))
    together = recipe.evaluate.batch or PART_ROWS
    clock: dict[str, float] = {}
    unjudged = sum(measured(context, student, table, row, account, together, clock) for table, row in rows.items())
    context.work.note_time(**clock)
    # Without `go_on` a judge that there is no money for ends the stage.
    return {
        "tables": list(rows), "sampling": account.counts(), **context.not_asked(unjudged if context.go_on else 0)
    }  # fmt: skip


def measured(
    context: Context, student: ModelUnderTest, table: str, row: TableLine, account: Account, together: int,
    clock: dict[str, float],
) -> int:  # fmt: skip
    """Write one table, and what it took into the account; return how many whole responses the judge left open.

    `together` is how many responses are kept at a time, which a kill may lose. The `clock` gets, of a model in this
    process, how long the answers took together (`TABLE answers`, `TABLE seconds`) and one alone (`first`, `rate`).
    """
    recipe = context.recipe
    problems = list(context.inputs["problems"].rows("evaluation", Problem))
    asked = requests_of(student, problems, row, recipe.student, recipe.evaluate, recipe.seed)
    writer = context.work.table(table, Measure, together)
    progress = Progress(f"evaluate {row.student} ({row.prompt})", len(asked), "responses")
    with Ledger(context.run.ledger / STUDENTS) as ledger, context.verdicts() as verdicts:
        measures = measures_of(
            student, ledger, asked, row, recipe.student, verdicts, progress, writer.rows_done,
            tools_at_hand(recipe.evaluate, Path(recipe.data)),
        )  # fmt: skip
        for measure in measures:
            writer.append(measure)
        if isinstance(student.model, InProcess):
            for taken in ledger.taken([request.key for _, request in asked]).values():
                clock |= {f"{table} answers": taken.rows, f"{table} seconds": round(taken.machine, 3)}
            clock |= timed_alone(student.model, asked[len(asked) // 2][1]) if "first" not in clock else {}
    progress.close()
    writer.close()
    left_open = 0
    for measure in writer.rows():
        account.sampled(measure.prompt_tokens, measure.completion_tokens)
        left_open += measure.cause == "infrastructure" and measure.finish == "stop"
    return left_open if recipe.checks.judge is not None else 0
