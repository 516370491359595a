"""Stage `assess`: how well a reward model finds what is wrong, on labelled problems that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Any

from potstill.durable import to_json, write_durably
from potstill.errors import DataError
from potstill.graph import Graph
from potstill.pipeline import naming, settings
from potstill.pipeline.naming import ASSESSMENT, MODEL, SCORER
from potstill.pipeline.stage import Context, Stage
from potstill.progress import Progress
from potstill.recipe import Recipe
from potstill.records import Label, Score
from potstill.scorer_nodes import ScorerNode

KIND, VERSION = "assess", 1


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each scorer."""
    del recipe
    for node in graph.scorers.values():
        yield Stage(
            kind=KIND, name=naming.assessed(node.name), version=VERSION, recipe=node.recipe,
            inputs={"labels": naming.labels(node.name, "test"), SCORER: naming.scorer(node.name)},
            settings={"scorer": settings.chosen(node.scorer, "scorers")}, work=partial(work, node),
        )  # fmt: skip


def work(node: ScorerNode, context: Context) -> dict[str, Any]:
    """Write the table of scores, one a solution, and what they are worth."""
    from potstill.evaluate.scorers import Assessed, assess
    from potstill.models.flops import Account, shape_of
    from potstill.report.nodes import plain
    from potstill.verify.classifier import WINDOW
    from potstill.verify.reward import OutcomeModel
    from potstill.verify.steps.prm import ProcessModel

    folder = context.inputs[SCORER].folder(MODEL)
    labels = context.inputs["labels"]
    solutions = [list(group) for _, group in groupby(labels.rows("labels", Label), key=lambda one: one.solution)]
    table = context.work.table("scores", Score, WINDOW)
    progress = Progress("assess", len(solutions), "solutions")
    progress.resume_at(table.rows_done)
    rest = solutions[table.rows_done :]
    if node.scorer.kind == "process":
        asked = ((one[0].question, [label.text for label in one]) for one in rest)
        found = ((scored.scores, scored.reason, scored.tokens)
                 for scored in ProcessModel(str(folder), node.scorer.separator).score(asked))  # fmt: skip
    else:
        pairs = ((one[0].question, one[0].text) for one in rest)
        found = ((None if scored.score is None else (scored.score,), scored.reason, scored.tokens)
                 for scored in OutcomeModel(str(folder)).score(pairs))  # fmt: skip
    for solution, (scores, reason, tokens) in zip(rest, found, strict=True):
        whole = None if scores is None else scores[0] if len(scores) == 1 else min(scores)
        table.append(
            Score(
                trace_key=solution[0].solution,
                model=node.name,
                kind=node.scorer.kind,
                value=whole,
                steps=scores or (),
                reason=reason,
                tokens=tokens,
            )
        )
        progress.advance()
    progress.close()
    table.close()
    account = Account(shape_of(folder))
    rows = []
    for solution, score in zip(solutions, table.rows(), strict=True):
        account.scored(score.tokens)
        shares = tuple(label.share for label in solution)
        rows.append(Assessed(solution=score.trace_key, shares=shares, scores=score.steps or None))
    if not any(row.labelled for row in rows):
        raise DataError(f"scorers.{node.name}.test: no step of {len(rows):,} solutions has a label to measure it on")
    assessment = plain(assess(rows))
    write_durably(context.work.path / ASSESSMENT, to_json(assessment))
    return {"solutions": len(rows), "scoring": account.counts()}
