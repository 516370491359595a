"""Stage `measure`: what was delivered, in the runtime that it is for, on the held-out problems."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from potstill.durable import to_json
from potstill.evaluate.protocol import TableLine
from potstill.export import RUNTIMES
from potstill.graph import ArmNode, Graph
from potstill.models.flops import Account
from potstill.pipeline import naming
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import Context, Stage
from potstill.pipeline.stages.evaluate import measured, measured_by
from potstill.recipe import Recipe
from potstill.records import Problem
from potstill.store import Committed
from potstill.train.render import ask

KIND, VERSION = "measure", 2
THREADS = (1, 2)


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each type of what is delivered."""
    if graph.deliver is None:
        return
    arm = graph.arms[graph.deliver]
    for exporter, kinds in recipe.export.typed.items():
        for kind in kinds:
            yield Stage(
                kind=KIND, name=naming.delivered(exporter, kind), version=VERSION, recipe=arm.recipe,
                inputs={"problems": "problems", "export": naming.export(exporter)},
                settings=measured_by(arm) | {"type": kind}, work=partial(work, arm, exporter, kind),
            )  # fmt: skip


def work(arm: ArmNode, exporter: str, kind: str, context: Context) -> dict[str, Any]:
    """Write the table of measures of one type; how fast it was and what memory it took stand in the clock."""
    recipe, export = context.recipe, context.inputs["export"]
    name, told = next((name, told) for name, told in export.counts["files"].items() if told["type"] == kind)
    path = export.folder(MODEL) / name
    row = TableLine(f"{arm.name} {kind}", "zero-shot")
    # As in training, and room for any answer.
    length = min(int(export.counts["context"]), max(recipe.train.max_length, 2 * recipe.evaluate.max_tokens))
    runtime, about = RUNTIMES[exporter], {exporter: _digest(export, name)}
    with runtime.running(path, name=row.student, context=length, about=about) as running:
        account = Account(None)  # what another runtime computes is counted by nobody
        unjudged = measured(context, running.student, "zero_shot", row, account, running.student.together or 1, {})
        memory = running.memory()
    first = next(context.inputs["problems"].rows("evaluation", Problem))
    messages = [{"role": "user", "content": ask(recipe.student, first.statement)}]
    speeds = _speeds(exporter, path, length, messages)
    context.work.note_time(**speeds if memory is None else {**speeds, "memory": memory})
    return {
        "type": kind, "bytes": told["bytes"], "sampling": account.counts(),
        **context.not_asked(unjudged if context.go_on else 0),
    }  # fmt: skip


def _digest(export: Committed, name: str) -> str:
    """Return the digest of a delivered file, or of the files of a delivered folder."""
    found = {file: told["sha256"] for file, told in export.files.items() if f"{file}/".startswith(f"{MODEL}/{name}/")}
    if (own := found.get(f"{MODEL}/{name}")) is not None:
        return str(own)
    return sha256(to_json(found)).hexdigest()


def _speeds(exporter: str, path: Path, length: int, messages: Sequence[dict[str, str]]) -> dict[str, float]:
    """Return the seconds to load and until the first token is there, and tokens a second read and written, by threads.

    The seconds to load, and the memory where the runtime says it, are those of the last.
    """
    found: dict[str, float] = {}
    for threads in THREADS:
        print(f"measure: {path.name} with {threads} threads", file=sys.stderr)
        timed = RUNTIMES[exporter].speeds(path, context=length, messages=messages, threads=threads)
        whole = {key: timed.pop(key) for key in ("load_seconds", "memory") if key in timed}
        found |= whole | {f"{key}_{threads}": value for key, value in timed.items()}
    return {name: round(float(value), 3) for name, value in found.items()}
