"""Supervised fine-tuning on rows: the audit, the plan, the loop."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potstill import recipe
from potstill.durable import to_json, write_durably
from potstill.models.flops import shape_of
from potstill.progress import Progress
from potstill.store import SCRATCH
from potstill.train import students
from potstill.train.account import Costs
from potstill.train.audit import audit
from potstill.train.divergence import Learning
from potstill.train.methods import Matched, Taught
from potstill.train.order import Plan, plan
from potstill.train.rows import Rows


def sft(
    whole: recipe.Recipe, name: str, rows: Rows, *, base: Path, work: Path, seed: int, shuffle: bool,
    matched: Matched | None = None, taught: Taught | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train one phase of the arm `name` from the checkpoint `base`; write model, losses and audit into `work`.

    Without `shuffle` the first epoch keeps the order of the rows. Returns the counts of the stage: rows there are
    (`examples`), examples without one by reason, optimiser steps, rows and tokens of all rows seen, FLOPs. Those of a
    teacher whose distributions are learnt are among them, as `captured_flops` too where another stage has done them.
    """
    from potstill.train.trainer import train

    tokenizer = students.load_tokenizer(base)
    audited = audit(rows, rows.counts, tokenizer, whole.train.loss)
    learning = _learning(whole.train.loss.kl, taught, rows, tokenizer)
    costs = Costs(
        rows=rows, student=shape_of(base), teacher=None if learning is None else learning.shape,
        once=learning is not None and learning.live is None,
    )  # fmt: skip
    budget = whole.train if matched is None else _budget(whole.train, *matched)
    spend = (costs.spender(), matched[1]["flops"]) if matched is not None and matched[0] == "flops" else None
    steps = plan(rows.lengths, budget, seed, shuffle, spend)
    write_durably(work / "audit.txt", (audited + "\n").encode())
    print(audited, file=sys.stderr)
    logs = _train(train, rows, steps, budget, whole, name, base, work, seed, learning)
    write_durably(work / "losses.json", to_json(logs))
    return {
        "examples": len(rows), "dropped": rows.counts, "steps": len(steps.steps), "rows": steps.rows,
        "tokens": steps.total_tokens, **costs.counts(steps.order),
    }  # fmt: skip


def _learning(kl: recipe.Kl | None, taught: Taught | None, rows: Rows, tokenizer: Any) -> Learning | None:  # noqa: ANN401
    if kl is None or taught is None:
        return None
    from potstill.train.teacher import learning_of

    return learning_of(kl, taught, rows, tokenizer)


def _budget(train: recipe.Train, quantity: str, counts: Mapping[str, int]) -> recipe.Train:
    """Return the settings with the matched budget in place; FLOPs are spent row by row, see `plan`."""
    steps = math.ceil(counts["rows"] / train.batch) if quantity == "examples" else None
    return dataclasses.replace(train, steps=steps, tokens=counts["tokens"] if quantity == "tokens" else None)


def _train(
    train: Any,  # noqa: ANN401 - the trainer's function, imported late
    rows: Rows, steps: Plan, budget: recipe.Train, whole: recipe.Recipe, name: str, base: Path, work: Path,
    seed: int, learning: Learning | None,
) -> list[dict[str, float]]:  # fmt: skip
    progress = Progress(f"train {name}", steps.total_tokens, "tokens")
    logs = train(
        base, rows, steps, budget, whole.student.lora, seed, work / SCRATCH / "checkpoints", work / "model",
        progress, learning,
    )  # fmt: skip
    progress.close()
    return list(json.loads(json.dumps(logs)))
