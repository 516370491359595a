"""Direct preference optimisation (DPO): of two answers to a problem the better one is made likelier than the other.

The loss and its gradient stand in `preferences`. What the student gave each row before it was trained was read once, by
a stage of its own; each step reads its rows once more without a gradient, and makes the update of fine-tuning with the
coefficients that follow. It runs on as many processes as fine-tuning does.
"""

from __future__ import annotations

import json
import sys
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
from potstill.train.methods import Matched, Pairs
from potstill.train.methods.sft import budget_of
from potstill.train.preferences import Preferences, plan_of_pairs


def dpo(
    whole: recipe.Recipe, name: str, pairs: Pairs, *, base: Path, work: Path, seed: int,
    matched: Matched | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train one phase of the arm `name` from the checkpoint `base`; write model, losses and audit into `work`.

    Returns the counts of the stage: pairs there are (`examples`), pairs left out by reason, optimiser steps, rows and
    tokens of all rows seen, FLOPs, with those of the readings; `captured_flops` another stage has done.
    """
    from potstill.train.trainer import train

    rows = pairs.rows
    audited = audit(rows, rows.counts, students.load_tokenizer(base), whole.train.loss)
    audited = f"{len(rows) // 2} pairs; the better answer of the first:\n{audited}"
    shape = shape_of(base)
    costs = Costs(rows=rows, student=shape, teacher=shape, once=True, read_before=True)
    budget = whole.train if matched is None else budget_of(whole.train, *matched)
    spend = None
    if matched is not None and matched[0] == "flops":
        each = costs.spender()
        spend = (lambda pair: each(2 * pair) + each(2 * pair + 1)), matched[1]["flops"]
    steps = plan_of_pairs(rows.lengths.tolist(), budget, seed, spend)
    write_durably(work / "audit.txt", (audited + "\n").encode())
    print(audited, file=sys.stderr)
    progress = Progress(f"train {name}", steps.total_tokens, "tokens")
    logs = train(
        base, rows, steps, budget, whole.student.lora, seed, work / SCRATCH / "checkpoints", work / "model", progress,
        preferences=Preferences(dpo=whole.train.dpo, reference=pairs.reference, digest=pairs.digest),
    )  # fmt: skip
    progress.close()
    logs = list(json.loads(json.dumps(logs)))
    write_durably(work / "losses.json", to_json(logs))
    return {
        "examples": len(rows) // 2, "dropped": rows.counts, "steps": len(logs), "rows": steps.rows,
        "tokens": steps.total_tokens, **costs.counts(steps.order),
    }  # fmt: skip
