"""Stage `faithful`: whether an arm's answers rest on its reasoning, asked of its own responses by prefill."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from potstill.evaluate.faithfulness import GivenResponse, Probed
from potstill.evaluate.faithfulness.paraphrase import SECTION, with_paraphrases
from potstill.evaluate.faithfulness.probing import probed
from potstill.graph import ArmNode, Graph
from potstill.models.flops import Account, shape_of
from potstill.models.ledger import Ledger
from potstill.pipeline import naming, settings
from potstill.pipeline.faithfulness import asked_about
from potstill.pipeline.naming import MODEL
from potstill.pipeline.spending import HELPED, cap_of_helper
from potstill.pipeline.stage import STUDENTS, Context, Stage
from potstill.progress import Progress
from potstill.recipe import Paraphraser, Recipe
from potstill.records import Measure, Problem

KIND, VERSION, TABLE = "faithful", 2, "probes"


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each arm, where faithfulness is asked for."""
    del recipe
    for arm in graph.arms.values():
        if arm.recipe.evaluate.faithfulness is not None:
            yield Stage(
                kind=KIND, name=naming.faithful(arm), version=VERSION, recipe=arm.recipe,
                inputs={
                    "problems": naming.PROBLEMS, "model": naming.model(arm, graph), "measures": naming.measures(arm),
                },
                settings={
                    "arm": arm.name, "faithfulness": settings.chosen(arm.recipe.evaluate.faithfulness, "evaluation"),
                    "limit": arm.recipe.evaluate.max_tokens, "student": settings.of_rows(arm.recipe),
                    "train": settings.chosen(arm.recipe.train, "evaluation"), **settings.of_checks(arm.recipe),
                },
                work=partial(work, arm),
            )  # fmt: skip


def work(arm: ArmNode, context: Context) -> dict[str, Any]:
    """Write a row for every probe, and how many responses could be probed."""
    from potstill.pipeline.checkpoints import local_student

    recipe, asked = context.recipe, context.recipe.evaluate.faithfulness
    assert asked is not None  # noqa: S101 - there is no such stage else
    checkpoint = context.inputs["model"].folder(MODEL)
    student = local_student(str(checkpoint), arm.name, recipe.train.precision, recipe.evaluate.batch,
                            context.run.ledger)  # fmt: skip
    measures = list(context.inputs["measures"].rows("zero_shot", Measure))
    problems = list(context.inputs["problems"].rows("evaluation", Problem))
    given = asked_about(student, measures, problems, recipe.student, asked, recipe.evaluate.max_tokens)
    if asked.paraphrase is not None:
        given = _paraphrased(given, asked.paraphrase, context)
    table = context.work.table(TABLE, Probed)
    progress = Progress(f"faithfulness of {arm.name}", None, "probes")
    with Ledger(context.run.ledger / STUDENTS) as ledger, context.verdicts() as verdicts:
        for number, row in enumerate(probed(given, asked, student, ledger, verdicts, progress)):
            if number >= table.rows_done:
                table.append(row)
    progress.close()
    table.close()
    account = Account(shape_of(checkpoint))
    for row in table.rows():
        account.sampled(row.read, row.written)
    return {"responses": len(measures), "probed": len(given), "sampling": account.counts()}


def _paraphrased(given: list[GivenResponse], helper: Paraphraser, context: Context) -> list[GivenResponse]:
    from potstill.models.served.client import ServedModel

    model = ServedModel(helper, section=SECTION, cap=cap_of_helper(SECTION, helper, context.run.ledger))
    progress = Progress("paraphrases", None, "texts")
    with Ledger(context.run.ledger / HELPED) as ledger:
        found = with_paraphrases(given, helper, model, ledger, progress)
    progress.close()
    return found
