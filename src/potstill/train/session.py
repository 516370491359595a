"""One row of the table, trained: examples to rows, the audit, the plan, the loop."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from potstill import recipe
from potstill.models.loading import context_of
from potstill.progress import Progress
from potstill.records import Example
from potstill.store import SCRATCH, to_json, write_durably
from potstill.train import students
from potstill.train.audit import MAX_LENGTH, audit
from potstill.train.order import Plan, plan
from potstill.train.render import ask, stop_texts
from potstill.train.segments import Rows, make_rows


def train_row(
    whole: recipe.Recipe, row: str, examples: Sequence[Example], base: Path, work: Path, seed: int
) -> dict[str, Any]:
    """Train the row `traces` or `answers` from the checkpoint `base`; write model, losses and audit into `work`.

    `answers` has the reasoning removed from its rows, and as many examples or as many tokens as `traces`.
    Returns the counts of the stage: examples, rows dropped by reason, optimiser steps, tokens of all rows seen.
    """
    from potstill.train.trainer import train

    model, tokenizer = students.load(base)
    stop_ids = students.stop_ids(model)
    context = context_of(model.config)
    longest = min(whole.train.max_length, context)
    limit = MAX_LENGTH if longest == whole.train.max_length else f"the student's context of {context:,} tokens"
    stops = stop_texts(tokenizer, stop_ids)
    del model
    asked = [ask(whole.student, example.question) for example in examples]

    def rows_of(given: Sequence[Example]) -> Rows:
        return make_rows(given, asked, tokenizer, whole.student, longest, stops)

    rows, budget = rows_of(examples), whole.train
    audited = audit(rows, tokenizer, stop_ids, budget, limit)
    shuffle = whole.curate.order == "shuffled"
    steps = plan([len(r) for r in rows.rows], budget, seed, shuffle)
    if row == "answers":
        by_tokens = whole.baselines.answers == "equal_tokens"
        budget = dataclasses.replace(
            budget,
            epochs=None,
            steps=None if by_tokens else len(steps.steps),
            tokens=steps.total_tokens if by_tokens else None,
        )
        rows = rows_of([dataclasses.replace(example, reasoning="") for example in examples])
        audited = audit(rows, tokenizer, stop_ids, budget, limit)
        steps = plan([len(r) for r in rows.rows], budget, seed, shuffle)
    write_durably(work / "audit.txt", (audited + "\n").encode())
    print(audited, file=sys.stderr)
    logs = _train(train, rows, steps, budget, whole, row, base, work, seed)
    write_durably(work / "losses.json", to_json(logs))
    return {"examples": len(rows.rows), "dropped": rows.counts, "steps": len(steps.steps), "tokens": steps.total_tokens}


def _train(
    train: Any,  # noqa: ANN401 - the trainer's function, imported late
    rows: Rows,
    steps: Plan,
    budget: recipe.Train,
    whole: recipe.Recipe,
    row: str,
    base: Path,
    work: Path,
    seed: int,
) -> list[dict[str, float]]:
    progress = Progress(f"train {row}", steps.total_tokens, "tokens")
    logs = train(
        base,
        rows.rows,
        steps,
        budget,
        whole.student.lora,
        seed,
        work / SCRATCH / "checkpoints",
        work / "model",
        progress,
    )
    progress.close()
    return list(json.loads(json.dumps(logs)))
