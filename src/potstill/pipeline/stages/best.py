"""Stage `best`: what a reward model gives the answers of an arm, so that the best of several can be chosen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

from potstill.graph import ArmNode, Graph
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import MODEL, SCORER
from potstill.pipeline.stage import Context, Stage
from potstill.progress import Progress
from potstill.recipe import Recipe
from potstill.records import Measure, Problem, Score, Trace
from potstill.scorer_nodes import ScorerNode

KIND, VERSION = "best", 1


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each arm among whose answers a scorer chooses."""
    del recipe
    for arm in graph.arms.values():
        if arm.recipe.evaluate.by is not None:
            node = graph.scorers[arm.recipe.evaluate.by]
            yield Stage(
                kind=KIND, name=naming.best(arm), version=VERSION, recipe=arm.recipe,
                inputs={
                    "problems": naming.PROBLEMS, "measures": naming.measures(arm), SCORER: naming.scorer(node.name),
                },
                settings={
                    "scorer": settings.chosen(node.scorer, "scorers"), "steps": node.scorer.steps,
                    "reads": node.scorer.reads,
                },
                work=partial(work, arm, node),
            )  # fmt: skip


def trace_of(measure: Measure) -> Trace:
    """Return an answer of a student in the form that reward models read."""
    return Trace(
        problem_key=measure.problem_key, teacher=measure.student, strategy=measure.prompt, prompt_key="",
        sample=measure.sample, attempt=0, sampling="{}", reasoning=measure.reasoning, answer=measure.answer,
        finish=measure.finish, completion_tokens=measure.completion_tokens,
    )  # fmt: skip


def work(arm: ArmNode, node: ScorerNode, context: Context) -> dict[str, Any]:
    """Write a table of scores for each table of measures, row by row the same order."""
    from potstill.models.flops import Account, shape_of
    from potstill.verify.classifier import WINDOW
    from potstill.verify.scores import scores_of

    folder, measured = context.inputs[SCORER].folder(MODEL), context.inputs["measures"]
    problems = {problem.key: problem for problem in context.inputs["problems"].rows("evaluation", Problem)}
    account = Account(shape_of(folder))
    for name in measured.counts["tables"]:
        table = context.work.table(name, Score, WINDOW)
        progress = Progress(f"best of {arm.name} ({name})", measured.total(name), "responses")
        progress.resume_at(table.rows_done)
        rows = islice(measured.rows(name, Measure), table.rows_done, None)
        asked = ((problems[measure.problem_key], trace_of(measure)) for measure in rows)
        for score in scores_of(asked, node.reward, str(folder)):
            table.append(score)
            progress.advance()
        progress.close()
        table.close()
        for score in table.rows():
            account.scored(score.tokens)
    return {"tables": measured.counts["tables"], "scoring": account.counts()}
