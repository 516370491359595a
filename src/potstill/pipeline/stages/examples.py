"""Stage `examples`: choose and order the traces of a set to train on; every other trace is a drop with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from potstill.curate.seen import Looked
from potstill.durable import writing
from potstill.errors import DataError
from potstill.graph import Graph
from potstill.pipeline import naming, settings
from potstill.pipeline.asked_ways import way_settings
from potstill.pipeline.checks.teachers import NO_SOLUTION, OTHER_QUESTIONS
from potstill.pipeline.curating import CROWDED, LOOK, PLACES, PLAN, SCATTER, TOGETHER, Curation, maps
from potstill.pipeline.parts import in_order, mapped
from potstill.pipeline.stage import Context, Stage
from potstill.progress import Progress
from potstill.recipe import Recipe, SolutionsTeacher
from potstill.records import Drop, Example, Pruning, Reason
from potstill.store import SCRATCH
from potstill.table_parts import PART_ROWS

KIND, VERSION = "examples", 5


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each set."""
    del recipe
    for node in graph.sets.values():
        heard = {"listened": naming.listened(node, graph)} if node.recipe.checks.listener is not None else {}
        yield Stage(
            kind=KIND, name=naming.examples(node, graph), version=VERSION, recipe=node.recipe,
            inputs={
                "problems": "problems", "traces": naming.traces(node, graph), "verdicts": naming.verdicts(node, graph),
                **heard,
            },
            settings=_settings(node.recipe), work=work, maps=maps,
        )  # fmt: skip


def _settings(recipe: Recipe) -> settings.Settings:
    people = recipe.curate.people
    said = {} if people is None else settings.contents("people", Path(recipe.data) / people)
    curate = settings.of_curation(recipe.curate)
    if recipe.curate.quotes is not None:
        against = [*recipe.problems.against]
        said |= {"against": against, "tests": [settings.of_files(name, Path(recipe.data)) for name in against]}
        said |= settings.of_benchmarks(recipe)
    said |= way_settings(recipe) | settings.of_own_filter(recipe)
    return said | {
        "curate": curate,
        "checks": settings.chosen(recipe.checks, "examples"),
        "teacher": settings.chosen(recipe.teacher, "examples"),
        "seed": recipe.seed,
    }


def work(context: Context) -> dict[str, Any]:
    """Write the tables examples and dropped."""
    from potstill.curate.deciding import decide
    from potstill.pipeline.people import said_of

    scratch = context.work.path / SCRATCH
    with writing(scratch):
        scratch.mkdir(exist_ok=True)
    people = said_of(context)
    alone = context.recipe.curate.people is not None
    curation = Curation(context, scratch, people)
    curation.note_crowded()
    looked, parts = in_order(context, curation.maps, LOOK, curation.rows, PART_ROWS, alone=alone, beside=(CROWDED,))
    looker = curation.looker()
    decision = decide(curation.seen(looked, parts), looker, curation.runs_of)
    dropped, reasons, tokens = context.work.table("dropped", Drop), Counter[str](), Counter[str]()
    for number, (drop, size) in enumerate(decision.weighed(curation.seen(looked))):
        reasons[drop.reason] += 1
        tokens[drop.reason] += size
        if number >= dropped.rows_done:  # else committed before a kill; the same rows come in the same order
            dropped.append(drop)
    if not decision.kept:
        raise DataError(f"no trace is left to train on: {_nothing_left(context.recipe, reasons, context.run.path)}")
    kept = context.work.table("examples", Example)
    bounds = curation.plan(decision)
    scattered = mapped(
        context, curation.maps, SCATTER, curation.rows, TOGETHER * PART_ROWS, alone=alone,
        beside=(CROWDED, PLAN, PLACES),
    )  # fmt: skip
    progress = Progress("examples", len(decision.kept), "examples")
    progress.resume_at(kept.rows_done)
    for bucket in range(len(bounds) - 1):
        curation.gather(scattered, bucket, kept)
        progress.advance(max(0, bounds[bucket + 1] - progress.done))
    progress.close()
    pruning = _note_pruned(context, curation.seen(looked), decision.places) if context.recipe.curate.prune else {}
    by_majority = sum(looker.gold_source(item.problem_key) == "majority" for item in decision.kept)
    return {
        "kept": len(decision.kept), "by_majority": by_majority, "dropped": dict(sorted(reasons.items())),
        "token_counts": {"kept": sum(item.tokens for item in decision.kept), **dict(sorted(tokens.items()))},
        **people.counts, **pruning,
    }  # fmt: skip


def _note_pruned(context: Context, rows: Iterable[Looked], places: Sequence[int]) -> dict[str, Any]:
    """Write the table `pruned`, a row for each example that was looked at for it; return the sums."""
    table, kinds = context.work.table("pruned", Pruning), context.recipe.curate.prune
    sums = Counter[str](pruned=0, left_whole=0, tokens=0, tokens_kept=0)
    number = 0
    for row, place in zip(rows, places, strict=True):
        if place < 0 or not row.pruning:
            continue
        steps, kept, tokens, whole, *gone = row.pruning
        by_kind = dict(zip(kinds, gone, strict=True))
        if number >= table.rows_done:
            table.append(Pruning(
                parent=row.key, steps=steps, kept=kept, tokens=tokens, tokens_kept=row.tokens, left_whole=bool(whole),
                **{kind: by_kind.get(kind, 0) for kind in ("conclusion", "abandoned", "rechecks", "restatements")},
            ))  # fmt: skip
        number += 1
        sums.update(pruned=int(kept < steps), left_whole=whole, tokens=tokens, tokens_kept=row.tokens, **by_kind)
    return {"pruning": dict(sums)}


def _nothing_left(recipe: Recipe, reasons: Counter[str], run: Path) -> str:
    worst = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(4)) or "the teacher gave none"
    if isinstance(recipe.teacher, SolutionsTeacher) and not reasons:
        return NO_SOLUTION
    if set(reasons) == {Reason.NO_PROBLEM}:
        return f"{worst}; {OTHER_QUESTIONS}"
    if {Reason.FAILED, Reason.REFUSED} & set(reasons):
        return f"{worst}; `potstill ledger {run}` shows why requests failed or were refused"
    return f"{worst}; loosen `curate` or ask the teacher for more"
