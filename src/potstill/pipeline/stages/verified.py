"""Stage `verified`: an arm checks its own answers by questions and writes them anew, beside what it answered first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

from potstill.evaluate.verified import verified
from potstill.graph import ArmNode, Graph
from potstill.models.flops import Account, shape_of
from potstill.models.ledger import Ledger
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import STUDENTS, Context, Stage
from potstill.progress import Progress
from potstill.recipe import Recipe
from potstill.records import Measure, Problem

KIND, VERSION, TABLE = "verified", 1, "revised"


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each arm, where its answers are checked."""
    del recipe
    for arm in graph.arms.values():
        chain, evaluate = arm.recipe.evaluate.verify_chain, settings.chosen(arm.recipe.evaluate, "evaluation")
        if chain is None:
            continue
        asked = {key: evaluate[key] for key in ("temperature", "top_p", "max_tokens")}
        yield Stage(
            kind=KIND, name=naming.verified(arm), version=VERSION, recipe=arm.recipe,
            inputs={
                "problems": naming.PROBLEMS, "model": naming.model(arm, graph), "measures": naming.measures(arm),
            },
            settings={
                "arm": arm.name, "verify_chain": settings.chosen(chain, "evaluation"), "evaluate": asked,
                "student": settings.of_rows(arm.recipe), "train": settings.chosen(arm.recipe.train, "evaluation"),
                **settings.of_checks(arm.recipe),
                **({"seed": arm.recipe.seed} if arm.recipe.evaluate.temperature > 0 else {}),
            },
            work=partial(work, arm),
        )  # fmt: skip


def work(arm: ArmNode, context: Context) -> dict[str, Any]:
    """Write a measure of each revised answer in the order of the first ones, and count calls and questions."""
    from potstill.pipeline.checkpoints import local_student

    recipe = context.recipe
    checkpoint = context.inputs["model"].folder(MODEL)
    student = local_student(
        str(checkpoint), arm.name, recipe.train.precision, recipe.evaluate.batch, context.run.ledger
    )  # fmt: skip
    measures = list(context.inputs["measures"].rows("zero_shot", Measure))
    problems = {problem.key: problem for problem in context.inputs["problems"].rows("evaluation", Problem)}
    table, counts = context.work.table(TABLE, Measure), Counter[str]()
    progress = Progress(f"answers of {arm.name} checked", None, "calls")
    with Ledger(context.run.ledger / STUDENTS) as ledger, context.verdicts() as verdicts:
        # All of them again after a kill, from the ledger: the counts are those of all.
        found = verified(
            measures, problems, recipe.student, recipe.evaluate, student, ledger, verdicts, recipe.seed, counts,
            progress,
        )  # fmt: skip
        for number, measure in enumerate(found):
            if number >= table.rows_done:
                table.append(measure)
    progress.close()
    table.close()
    account = Account(shape_of(checkpoint))
    for measure in table.rows():
        account.sampled(measure.prompt_tokens, measure.completion_tokens)
    names = ("checked", "calls", "questions", "without questions")
    return {"responses": len(measures), **{name: counts[name] for name in names}, "sampling": account.counts()}
