"""Supervised fine-tuning on examples: examples to rows, the audit, the plan, the loop."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from potstill import recipe
from potstill.durable import to_json, write_durably
from potstill.models.flops import shape_of, trained_flops
from potstill.models.local.loading import context_of
from potstill.progress import Progress
from potstill.records import Example
from potstill.store import SCRATCH
from potstill.train import students
from potstill.train.audit import MAX_LENGTH, audit, check_number, check_row
from potstill.train.methods import Matched
from potstill.train.order import Plan, plan
from potstill.train.render import ask, stop_texts
from potstill.train.segments import TokenRows, make_rows, trained


def sft(
    whole: recipe.Recipe, name: str, examples: Sequence[Example], *, base: Path, work: Path, seed: int, shuffle: bool,
    matched: Matched | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train one phase of the arm `name` from the checkpoint `base`; write model, losses and audit into `work`.

    Without `shuffle` the first epoch keeps the order of the examples. Returns the counts of the stage: examples, rows
    dropped by reason, optimiser steps, rows and tokens of all rows seen, FLOPs.
    """
    from potstill.train.trainer import train

    model, tokenizer = students.load(base)
    stop_ids = students.stop_ids(model)
    context = context_of(model.config)
    longest = min(whole.train.max_length, context)
    limit = MAX_LENGTH if longest == whole.train.max_length else f"the student's context of {context:,} tokens"
    stops = stop_texts(tokenizer, stop_ids)
    del model
    if whole.train.supervision == "answers":
        examples = [dataclasses.replace(example, reasoning="") for example in examples]
    asked = [ask(whole.student, example.question) for example in examples]
    rows = make_rows(examples, asked, tokenizer, whole.student, longest, stops)
    shape = shape_of(base)
    costs = [trained_flops(shape, len(row), len(trained(row))) for row in rows.rows]
    for row in rows.rows:
        check_row(row, tokenizer, stop_ids)
    check_number(len(rows.rows), rows.counts, limit)
    audited = audit(rows.rows, rows.counts, tokenizer, whole.train.loss)
    budget = whole.train if matched is None else _budget(whole.train, *matched)
    spend = (costs, matched[1]["flops"]) if matched is not None and matched[0] == "flops" else None
    steps = plan([len(row) for row in rows.rows], budget, seed, shuffle, spend)
    write_durably(work / "audit.txt", (audited + "\n").encode())
    print(audited, file=sys.stderr)
    logs = _train(train, rows, steps, budget, whole, name, base, work, seed)
    write_durably(work / "losses.json", to_json(logs))
    return {
        "examples": len(rows.rows), "dropped": rows.counts, "steps": len(steps.steps), "rows": steps.rows,
        "tokens": steps.total_tokens, "flops": sum(costs[row] for step in steps.steps for row in step),
    }  # fmt: skip


def _budget(train: recipe.Train, quantity: str, counts: Mapping[str, int]) -> recipe.Train:
    """Return the settings with the matched budget in place; FLOPs are spent row by row, see `plan`."""
    steps = math.ceil(counts["rows"] / train.batch) if quantity == "examples" else None
    return dataclasses.replace(train, steps=steps, tokens=counts["tokens"] if quantity == "tokens" else None)


def _train(
    train: Any,  # noqa: ANN401 - the trainer's function, imported late
    rows: TokenRows, steps: Plan, budget: recipe.Train, whole: recipe.Recipe, name: str, base: Path, work: Path,
    seed: int,
) -> list[dict[str, float]]:  # fmt: skip
    progress = Progress(f"train {name}", steps.total_tokens, "tokens")
    logs = train(
        base, rows.rows, steps, budget, whole.student.lora, seed, work / SCRATCH / "checkpoints", work / "model",
        progress,
    )  # fmt: skip
    progress.close()
    return list(json.loads(json.dumps(logs)))
