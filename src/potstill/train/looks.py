"""Looks: the loss of a student on rows of the training side that are set apart, every some steps of its training.

A look changes nothing of the training: no weight, no random number, no order. Problems are set apart by a hash of their
own, whatever other problems there are, so that arms and seeds look at the same ones and a problem that is added moves
none. They are no evaluation problems: those are not touched before the student is measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from potstill import recipe
from potstill.errors import StudentError
from potstill.train.answers import ACCURACY
from potstill.train.job import Job, Log
from potstill.train.loss import add, by_segment, coefficients, means
from potstill.train.ranks import deal

if TYPE_CHECKING:
    from potstill.train.stepper import Stepper

LOSS = "look_loss"
"""Of the rows set apart: their loss as that of one optimiser step on all of them. Beside it stand means by segment,
such as `look_ce_answer`."""
PLACES = 1 << 64


def set_apart(
    problems: NDArray[np.uint64], lengths: NDArray[np.int64], share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (rows to train on, rows to look at, the longest first), given each row's problem as `Rows.problems`.

    A problem is set apart where its place lies in the first `share` of all places; where none does, the first one is.

    Raises:
        StudentError: no row is left to train on.
    """
    least = int(problems.min()) if len(problems) else 0
    apart = problems <= np.uint64(max(least, min(PLACES, math.ceil(share * PLACES)) - 1))
    if apart.all():
        raise StudentError(
            f"train.look: no row is left to train on, for all {len(problems):,} are of problems that would be set "
            "apart: lower train.look.share, or leave train.look out"
        )
    chosen = np.flatnonzero(apart)
    return np.flatnonzero(~apart), chosen[np.argsort(-lengths[chosen], kind="stable")]


def due(step: int, steps: int, look: recipe.Looks | None) -> bool:
    """Return whether there is a look after step `step` (from 0) of `steps`."""
    return look is not None and ((step + 1) % look.every == 0 or step + 1 == steps)


def looks_of(logs: Sequence[Log]) -> list[Log]:
    """Return the logs of steps with a look."""
    return [log for log in logs if LOSS in log]


def best(logs: Sequence[Log], look: recipe.Looks | None) -> Log | None:
    """Return the log of the best look, the first of equal ones; None where there is none yet."""
    if look is not None and look.by == "accuracy":
        return max((log for log in logs if ACCURACY in log), key=lambda log: log[ACCURACY], default=None)
    return min(looks_of(logs), key=lambda log: log[LOSS], default=None)


def ended(logs: Sequence[Log], look: recipe.Looks | None) -> bool:
    """Return whether the patience is used up after the steps of `logs`."""
    if look is None or look.patience is None or (found := best(logs, look)) is None:
        return False
    return sum(log["step"] > found["step"] for log in looks_of(logs)) >= look.patience


def looked(stepper: Stepper, job: Job) -> Log:
    """Return the losses of the rows of `job` that are set apart; every process has to ask.

    The same figures however the rows are cut and dealt, but for rounding.

    Raises:
        StudentError: a loss is not finite.
    """
    import torch

    ranks, student = stepper.ranks, stepper.student
    found = coefficients([job.rows[index] for index in job.apart], job.settings.loss)
    lengths = {row: len(job.rows[row]) for row in job.apart}
    dealt = [stepper.cut(hand, lengths) for hand in deal(job.apart, ranks.count)]
    mine = dealt[ranks.number]
    # a sharded student is run as often by all, with a row without loss where one has none left
    turns = max(map(len, dealt)) if stepper.sharded else len(mine)
    run = stepper.wrapped if stepper.sharded else student
    total, sums = 0.0, dict[str, float]()
    student.eval()
    with torch.no_grad(), student.precision(ranks.device.partition(":")[0]):
        for turn in range(turns):
            index, scale = (mine[turn], found.scale) if turn < len(mine) else (job.apart[-1:], {})
            rows = [job.rows[row] for row in index]
            stored = None if job.learning is None else job.learning.of(index)
            batch = stepper.collated(rows, by_segment(rows, scale), stored)
            value, losses = run(batch)
            total += float(value)
            add(sums, losses, batch)
    student.train()
    sums = ranks.sums({"loss": total, **sums})
    if not math.isfinite(sums["loss"]):
        raise StudentError(f"training diverged (loss {sums['loss']} on the rows set apart): lower train.learning_rate")
    return {LOSS: sums["loss"], **{f"look_{key}": value for key, value in means(sums).items()}}
