"""Supervised fine-tuning on rows: the audit, the plan, the loop."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from potstill import recipe
from potstill.durable import to_json, write_durably
from potstill.models.flops import shape_of, trained_flops
from potstill.progress import Progress
from potstill.store import SCRATCH
from potstill.train import students
from potstill.train.audit import audit
from potstill.train.methods import Matched
from potstill.train.order import Plan, plan
from potstill.train.rows import Rows


def sft(
    whole: recipe.Recipe, name: str, rows: Rows, *, base: Path, work: Path, seed: int, shuffle: bool,
    matched: Matched | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train one phase of the arm `name` from the checkpoint `base`; write model, losses and audit into `work`.

    Without `shuffle` the first epoch keeps the order of the rows. Returns the counts of the stage: rows there are
    (`examples`), examples without one by reason, optimiser steps, rows and tokens of all rows seen, FLOPs.
    """
    from potstill.train.trainer import train

    audited = audit(rows, rows.counts, students.load_tokenizer(base), whole.train.loss)
    shape = shape_of(base)

    def cost(row: int) -> int:
        return trained_flops(shape, int(rows.lengths[row]), int(rows.trained[row]))

    budget = whole.train if matched is None else _budget(whole.train, *matched)
    spend = (cost, matched[1]["flops"]) if matched is not None and matched[0] == "flops" else None
    steps = plan(rows.lengths, budget, seed, shuffle, spend)
    write_durably(work / "audit.txt", (audited + "\n").encode())
    print(audited, file=sys.stderr)
    flops = sum(int(times) * cost(row) for row, times in enumerate(np.bincount(steps.order)))
    logs = _train(train, rows, steps, budget, whole, name, base, work, seed)
    write_durably(work / "losses.json", to_json(logs))
    return {
        "examples": len(rows), "dropped": rows.counts, "steps": len(steps.steps), "rows": steps.rows,
        "tokens": steps.total_tokens, "flops": flops,
    }  # fmt: skip


def _budget(train: recipe.Train, quantity: str, counts: Mapping[str, int]) -> recipe.Train:
    """Return the settings with the matched budget in place; FLOPs are spent row by row, see `plan`."""
    steps = math.ceil(counts["rows"] / train.batch) if quantity == "examples" else None
    return dataclasses.replace(train, steps=steps, tokens=counts["tokens"] if quantity == "tokens" else None)


def _train(
    train: Any,  # noqa: ANN401 - the trainer's function, imported late
    rows: Rows, steps: Plan, budget: recipe.Train, whole: recipe.Recipe, name: str, base: Path, work: Path,
    seed: int,
) -> list[dict[str, float]]:  # fmt: skip
    progress = Progress(f"train {name}", steps.total_tokens, "tokens")
    logs = train(
        base, rows, steps, budget, whole.student.lora, seed, work / SCRATCH / "checkpoints", work / "model",
        progress,
    )  # fmt: skip
    progress.close()
    return list(json.loads(json.dumps(logs)))
