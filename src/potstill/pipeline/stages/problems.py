"""Stage `problems`: read or generate the problems, hold some out, and keep what is dropped beside."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from potstill.errors import DataError
from potstill.graph import Graph
from potstill.pipeline import settings
from potstill.pipeline.checks.sources import NOTHING_TO_JUDGE_BY
from potstill.pipeline.stage import Context, Stage
from potstill.progress import Progress
from potstill.recipe import Recipe
from potstill.records import Drop, Problem

KIND, VERSION = "problems", 4


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield the one stage: every set and arm has the same problems."""
    del graph
    yield Stage(
        kind=KIND, name=KIND, version=VERSION, recipe=recipe, settings=settings.of_problems(recipe), work=work
    )  # fmt: skip


def work(context: Context) -> dict[str, Any]:
    """Write the tables train, evaluation and dropped."""
    from potstill.pipeline.held_apart import benchmark_problems
    from potstill.pipeline.writing import written_problems
    from potstill.problems import divide

    recipe, work = context.recipe, context.work
    for part in work.path.glob("*.parquet"):
        part.unlink()  # of a killed attempt; a split is cheap and is only right as a whole
    tables = {"train": work.table("train", Problem), "evaluate": work.table("evaluation", Problem)}
    dropped = work.table("dropped", Drop)
    print("problems: reading and dividing", file=sys.stderr)
    divided = divide(
        recipe.problems, seed=settings.problem_seed(recipe), data=Path(recipe.data),
        tests=partial(benchmark_problems, recipe),
    )  # fmt: skip
    progress = Progress("problems", sum(divided.counts.values()))
    held: dict[str, list[Problem]] = {side: [] for side in tables}
    for row in progress.track(divided.rows()):
        if isinstance(row, Drop):
            dropped.append(row)
        else:
            tables[row[1]].append(row[0])
            if recipe.problems.written is not None:
                held[row[1]].append(row[0])
    progress.close()
    if not divided.judged:
        raise DataError(NOTHING_TO_JUDGE_BY)
    if divided.judged < (held_out := divided.counts["evaluate"]):
        told = f"only {divided.judged:,} have an answer to judge by; the others count as unknown"
        print(f"problems: of {held_out:,} held out {told}", file=sys.stderr)
    counts: dict[str, Any] = {place: number for place, number in divided.counts.items() if place in tables}
    reasons: dict[str, int] = {
        place: number for place, number in divided.counts.items() if number and place not in tables
    }
    shares = {"template_share": divided.template_share}
    if recipe.problems.written is None:
        return {**counts, "dropped": reasons, **shares}
    found: dict[str, Any] = {}
    for one in written_problems(context, held["train"], held["evaluate"], found):
        if isinstance(one, Drop):
            dropped.append(one)
            reasons[one.reason] = reasons.get(one.reason, 0) + 1
        else:
            tables["train"].append(one)
            counts["train"] += 1
    return {**counts, "dropped": dict(sorted(reasons.items())), **shares, "written": found}
