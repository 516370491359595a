"""Stage `examples`: choose and order the traces of a set to train on; every other trace is a drop with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from potstill.errors import DataError
from potstill.graph import Graph
from potstill.pipeline import naming, settings
from potstill.pipeline.checks.teachers import NO_SOLUTION, OTHER_QUESTIONS
from potstill.pipeline.stage import Context, Stage
from potstill.progress import Progress
from potstill.recipe import Recipe, ServedTeacher, SolutionsTeacher
from potstill.records import Drop, Example, Group, Problem, Reason, Score, Trace, Verdict
from potstill.store import TableWriter

KIND, VERSION = "examples", 3


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each set."""
    del recipe
    for node in graph.sets.values():
        yield Stage(
            kind=KIND, name=naming.examples(node, graph), version=VERSION, recipe=node.recipe,
            inputs={
                "problems": "problems", "traces": naming.traces(node, graph), "verdicts": naming.verdicts(node, graph),
            },
            settings=_settings(node.recipe), work=work,
        )  # fmt: skip


def _settings(recipe: Recipe) -> settings.Settings:
    people = recipe.curate.people
    said = {} if people is None else settings.contents("people", Path(recipe.data) / people)
    return said | {
        "curate": settings.chosen(recipe.curate, "examples"),
        "checks": settings.chosen(recipe.checks, "examples"),
        "teacher": settings.chosen(recipe.teacher, "examples"),
        "seed": recipe.seed,
    }


def work(context: Context) -> dict[str, Any]:
    """Write the tables examples and dropped."""
    from potstill.curate.select import select

    recipe, inputs = context.recipe, context.inputs
    training = {p.key: p for p in inputs["problems"].rows("train", Problem)}
    held_out = {key for p in inputs["problems"].rows("evaluation", Problem) for key in (p.key, p.overlap_key)}
    held_out |= {d.key for d in inputs["problems"].rows("dropped", Drop) if d.reason == Reason.OVERLAP}
    groups = {group.problem_key: group for group in inputs["verdicts"].rows("groups", Group)}
    scores = {}
    if recipe.curate.min_score is not None:
        scores = {score.trace_key: score.value for score in inputs["verdicts"].rows("scores", Score)}
    from potstill.pipeline.people import said_of

    people = said_of(context, training)
    chosen = select(
        lambda: people.heard(
            zip(inputs["traces"].rows("traces", Trace), inputs["verdicts"].rows("verdicts", Verdict), strict=True)
        ),
        training, held_out, recipe.curate, groups=groups, seed=recipe.seed,
        drop_suspect=recipe.checks.suspect_label == "drop",
        allow_summaries=isinstance(recipe.teacher, ServedTeacher) and recipe.teacher.allow_summaries, scores=scores,
        wrong_steps=people.wrong_steps,
    )  # fmt: skip
    kept, dropped = context.work.table("examples", Example), context.work.table("dropped", Drop)
    reasons: Counter[str] = Counter()
    by_majority = 0
    done = {id(kept): kept.rows_done, id(dropped): dropped.rows_done}
    progress = Progress("examples", inputs["traces"].total("traces"), "traces")
    for row in progress.track(chosen):
        table: TableWriter[Any] = kept if isinstance(row, Example) else dropped
        reasons[row.reason if isinstance(row, Drop) else "kept"] += 1
        by_majority += isinstance(row, Example) and row.gold_source == "majority"
        if done[id(table)]:  # committed before a kill; the same rows come in the same order
            done[id(table)] -= 1
        else:
            table.append(row)
    progress.close()
    examples_kept = reasons.pop("kept", 0)
    if not examples_kept:
        raise DataError(f"no trace is left to train on: {_nothing_left(recipe, reasons, context.run.path)}")
    return {
        "kept": examples_kept, "by_majority": by_majority, "dropped": dict(sorted(reasons.items())), **people.counts,
    }  # fmt: skip


def _nothing_left(recipe: Recipe, reasons: Counter[str], run: Path) -> str:
    worst = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(4)) or "the teacher gave none"
    if isinstance(recipe.teacher, SolutionsTeacher) and not reasons:
        return NO_SOLUTION
    if set(reasons) == {Reason.NO_PROBLEM}:
        return f"{worst}; {OTHER_QUESTIONS}"
    if {Reason.FAILED, Reason.REFUSED} & set(reasons):
        return f"{worst}; `potstill ledger {run}` shows why requests failed or were refused"
    return f"{worst}; loosen `curate` or ask the teacher for more"
