"""Supervised fine-tuning on rows: the audit, the plan, the loop."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potstill import recipe
from potstill.durable import to_json, write_durably
from potstill.errors import StudentError
from potstill.models.flops import shape_of
from potstill.progress import Progress
from potstill.records import Problem
from potstill.store import SCRATCH
from potstill.train import looks, students
from potstill.train.account import Costs
from potstill.train.answers import ACCURACY, Answers, ProblemsApart, reached
from potstill.train.audit import audit
from potstill.train.divergence import Learning
from potstill.train.methods import Matched, Taught
from potstill.train.order import Plan, plan
from potstill.train.rows import Rows


def sft(
    whole: recipe.Recipe, name: str, rows: Rows, *, base: Path, work: Path, seed: int, shuffle: bool,
    matched: Matched | None = None, taught: Taught | None = None, asked: ProblemsApart | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train one phase of the arm `name` from the checkpoint `base`; write model, losses and audit into `work`.

    With `asked`, problems set apart are answered at each look. Without `shuffle` the first epoch keeps the order of the
    rows. Returns the counts of the stage: rows there are (`examples`), examples without one by reason, optimiser steps,
    rows and tokens of all rows seen, FLOPs. Those of a teacher whose distributions are learnt are among them, as
    `captured_flops` too where another stage has done them.
    """
    from potstill.train.trainer import train

    tokenizer = students.load_tokenizer(base)
    audited = audit(rows, rows.counts, tokenizer, whole.train.loss)
    learning = _learning(whole.train.loss.kl, taught, rows, tokenizer)
    costs = Costs(
        rows=rows, student=shape_of(base), teacher=None if learning is None else learning.shape,
        once=learning is not None and learning.live is None,
    )  # fmt: skip
    look = whole.train.look
    among, apart = (None, []) if look is None else _apart(rows, look)
    budget = whole.train if matched is None else budget_of(whole.train, *matched)
    spend = (costs.spender(), matched[1]["flops"]) if matched is not None and matched[0] == "flops" else None
    steps = plan(rows.lengths, budget, seed, shuffle, spend, among)
    write_durably(work / "audit.txt", (audited + "\n").encode())
    print(audited, file=sys.stderr)
    run = partial(_train, train, rows, steps, budget, whole, name, base, work, seed, learning, apart)
    if look is not None and asked is not None:
        problems = asked.among(frozenset(rows.problems[apart].tolist()), look.answers)
        logs = _answering(run, asked, problems, whole, look, base, seed, work)
    else:
        logs = run(None)
    write_durably(work / "losses.json", to_json(logs))
    done = steps.first(len(logs))
    looked = {} if look is None else {"looks": _looks(logs, look, apart, rows, costs)}
    return {
        "examples": len(rows) - len(apart), "dropped": rows.counts, "steps": len(logs), "rows": done.rows,
        "tokens": done.total_tokens, **costs.counts(done.order), **looked,
    }  # fmt: skip


def _apart(rows: Rows, look: recipe.Looks) -> tuple[NDArray[np.int64], list[int]]:
    """Return the rows to train on and those to look at; a line says how many that are and what a look takes."""
    among, chosen = looks.set_apart(rows.problems, rows.lengths, look.share)
    apart: list[int] = chosen.tolist()
    problems, tokens = len(np.unique(rows.problems[chosen])), int(rows.lengths[chosen].sum())
    print(
        f"looks: {len(apart):,} rows of {problems:,} problems are set apart, {tokens:,} tokens; they are read every "
        f"{look.every} steps and not trained on",
        file=sys.stderr,
    )
    return among, apart


def _answering(
    run: Callable[[Answers], list[dict[str, float]]], asked: ProblemsApart, problems: Sequence[Problem],
    whole: recipe.Recipe, look: recipe.Looks, base: Path, seed: int, work: Path,
) -> list[dict[str, float]]:  # fmt: skip
    """Return what `run` returns, which is handed what asks the problems; a line says how many they are."""
    from potstill.train.ranks import company

    if company().count > 1:
        raise StudentError("train.look.answers: answers are drawn in one process; start it without torchrun, or set 0")
    with asked.verdicts() as judging:
        answers = Answers(problems, whole.student, look, base, seed, judging, work / SCRATCH / "answers")
        print(f"looks: {len(answers.asked):,} of these problems are answered each time", file=sys.stderr)
        logs = run(answers)
    answers.clear()
    return logs


def _looks(
    logs: list[dict[str, float]], look: recipe.Looks, apart: list[int], rows: Rows, costs: Costs
) -> dict[str, Any]:  # fmt: skip
    """Return what became of the looks, for the counts of the stage; a line says which weights are kept, and why."""
    best, all_looks = looks.best(logs, look), looks.looks_of(logs)
    last = logs[-1]
    kept = best if best is not None and look.keep == "best" else last
    number, tokens = len(all_looks), int(rows.lengths[apart].sum())
    early = looks.ended(logs, look)
    what, key = ("highest accuracy", ACCURACY) if look.by == "accuracy" else ("lowest loss", looks.LOSS)
    if best is not None:
        final = [log for log in all_looks if key in log][-1]
        print(
            f"looks: the {what} was {best[key]:.3f} after step {best['step']}, the last {final[key]:.3f} after step "
            f"{final['step']}"
            f"{', where the patience was used up' if early else ''}; kept are the weights of step {kept['step']}",
            file=sys.stderr,
        )
    return {
        "rows": len(apart), "number": number, "tokens": number * tokens,
        "flops": number * costs.looked(apart) + int(sum(log.get("look_flops", 0) for log in all_looks)),
        **reached(logs),
        "best_step": None if best is None else best["step"], "kept_step": kept["step"], "stopped_early": early,
    }  # fmt: skip


def _learning(kl: recipe.Kl | None, taught: Taught | None, rows: Rows, tokenizer: Any) -> Learning | None:  # noqa: ANN401
    if kl is None or taught is None:
        return None
    from potstill.train.teacher import learning_of

    return learning_of(kl, taught, rows, tokenizer)


def budget_of(train: recipe.Train, quantity: str, counts: Mapping[str, int]) -> recipe.Train:
    """Return the settings with the matched budget in place; FLOPs are spent row by row, see `plan`."""
    steps = math.ceil(counts["rows"] / train.batch) if quantity == "examples" else None
    return dataclasses.replace(train, steps=steps, tokens=counts["tokens"] if quantity == "tokens" else None)


def _train(
    train: Any,  # noqa: ANN401 - the trainer's function, imported late
    rows: Rows, steps: Plan, budget: recipe.Train, whole: recipe.Recipe, name: str, base: Path, work: Path,
    seed: int, learning: Learning | None, apart: list[int], answers: Answers | None,
) -> list[dict[str, float]]:  # fmt: skip
    progress = Progress(f"train {name}", steps.total_tokens, "tokens")
    logs = train(
        base, rows, steps, budget, whole.student.lora, seed, work / SCRATCH / "checkpoints", work / "model",
        progress, learning, apart, answers=answers,
    )  # fmt: skip
    progress.close()
    return list(json.loads(json.dumps(logs)))
