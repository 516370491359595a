"""Stage `measure`: a delivered file in the runtime that it is for, on the held-out problems."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from potstill.evaluate.protocol import ModelUnderTest, TableLine
from potstill.graph import ArmNode, Graph
from potstill.models.flops import Account
from potstill.models.llama_server import DRAWN_FROM, LlamaServer
from potstill.pipeline import naming
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage import Context, Stage
from potstill.pipeline.stages.evaluate import measured, measured_by
from potstill.pipeline.stages.export import GGUF
from potstill.recipe import Endpoint, Recipe
from potstill.records import Problem
from potstill.train.render import ask

KIND, VERSION = "measure", 1
TOGETHER = 16
"""Responses that a kill may lose."""
TIMED = 48
"""Tokens written for a speed."""
THREADS = (1, 2)


def stages(recipe: Recipe, graph: Graph) -> Iterator[Stage]:
    """Yield a stage for each GGUF file."""
    if graph.deliver is None:
        return
    arm = graph.arms[graph.deliver]
    for kind in dict.fromkeys(recipe.export.gguf):
        yield Stage(
            kind=KIND, name=naming.delivered(GGUF, kind), version=VERSION, recipe=arm.recipe,
            inputs={"problems": "problems", "export": naming.export(GGUF)},
            settings=measured_by(arm) | {"type": kind}, work=partial(work, arm, kind),
        )  # fmt: skip


def work(arm: ArmNode, kind: str, context: Context) -> dict[str, Any]:
    """Write the table of measures of one file; how fast it was and what memory it took stand in the clock."""
    recipe, export = context.recipe, context.inputs["export"]
    name = next(file for file, told in export.counts["files"].items() if told["type"] == kind)
    file = export.folder(MODEL) / name
    about = {"gguf": export.files[f"{MODEL}/{name}"]["sha256"], **DRAWN_FROM}
    row = TableLine(f"{arm.name} {kind}", "zero-shot")
    # As in training, and room for any answer.
    length = min(int(export.counts["context"]), max(recipe.train.max_length, 2 * recipe.evaluate.max_tokens))
    with LlamaServer(file, context=length, alias=row.student) as server:
        student = _served(server, row.student, about)
        account = Account(None)  # what llama.cpp computes is counted by nobody
        unjudged = measured(context, student, "zero_shot", row, account, TOGETHER)
        memory = server.peak_memory()
    first = next(context.inputs["problems"].rows("evaluation", Problem))
    messages = [{"role": "user", "content": ask(recipe.student, first.statement)}]
    context.work.note_time(memory=memory, **_speeds(file, length, messages))
    return {
        "type": kind, "bytes": file.stat().st_size, "sampling": account.counts(),
        **context.not_asked(unjudged if context.go_on else 0),
    }  # fmt: skip


def _served(server: LlamaServer, name: str, about: dict[str, Any]) -> ModelUnderTest:
    """Return the file as one who answers, one request at a time: so the same request has the same answer always."""
    from potstill.models.served.client import ServedModel

    endpoint = Endpoint(base_url=f"{server.address}/v1", model=name, concurrency=1)
    return ModelUnderTest(ServedModel(endpoint, section="export.gguf"), name, about, TOGETHER)


def _speeds(file: Path, length: int, messages: Sequence[dict[str, str]]) -> dict[str, float]:
    """Return the seconds to load and until the first token is there, and tokens a second read and written, by threads.

    The first token is timed as one who asks has it: request, reading of the prompt, one token, reply.
    """
    found: dict[str, float] = {}
    for threads in THREADS:
        print(f"measure: {file.name} with {threads} threads", file=sys.stderr)
        with LlamaServer(file, context=length, threads=threads) as server:
            body = {"messages": list(messages), "max_tokens": TIMED, "ignore_eos": True, "temperature": 0}
            begun = time.monotonic()
            server.post("/v1/chat/completions", body | {"max_tokens": 1})
            first = time.monotonic() - begun
            timings = server.post("/v1/chat/completions", body)["timings"]
            found |= {
                "load_seconds": server.load_seconds,
                f"first_{threads}": first,
                f"read_{threads}": timings["prompt_per_second"],
                f"written_{threads}": timings["predicted_per_second"],
            }
    return {name: round(float(value), 3) for name, value in found.items()}
