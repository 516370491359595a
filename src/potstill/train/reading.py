"""What a model gives the rows of a training: log p of their trained tokens, without a gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from potstill.train.loss import Batch, collate
from potstill.train.ranks import deal
from potstill.train.segments import TokenRow, trained

if TYPE_CHECKING:
    from potstill.train.stepper import Stepper
    from potstill.train.student_loss import StudentLoss

WINDOW = 256
"""Rows that are sorted by length and read together."""
BATCH_TOKENS = 8192
"""Tokens of a forward pass, padding included; one longer row is read alone."""


def log_probabilities(stepper: Stepper, rows: Sequence[TokenRow]) -> list[float]:
    """Return log p of the trained tokens of each row, summed in nats, under the weights as they are.

    Every process has to ask, for all rows of the step, the longest first; dropout is off.
    """
    return [math.fsum(logs) for logs in token_log_probabilities(stepper, rows)]


def token_log_probabilities(stepper: Stepper, rows: Sequence[TokenRow]) -> list[list[float]]:
    """Return log p of each trained token of each row in nats, under the weights as they are.

    Every process has to ask, for all rows of the step, the longest first; dropout is off.
    """
    ranks, student = stepper.ranks, stepper.student
    lengths = [len(row) for row in rows]
    dealt = [stepper.cut(hand, lengths) for hand in deal(range(len(rows)), ranks.count)]
    mine = dealt[ranks.number]
    # a sharded student is run as often by all, with a row that is counted elsewhere where one has none left
    turns = max(map(len, dealt)) if stepper.sharded else len(mine)
    run = stepper.wrapped if stepper.sharded else student
    found: dict[int, list[float]] = {}
    student.eval()
    for turn in range(turns):
        index = mine[turn] if turn < len(mine) else (len(rows) - 1,)
        chosen = [rows[number] for number in index]
        read = _logs(run, student, chosen, stepper.collated(chosen, _ones(chosen), None))
        if turn < len(mine):
            found |= zip(index, read, strict=True)
    student.train()
    everywhere = {number: value for part in ranks.gathered(found) for number, value in part.items()}
    return [everywhere[number] for number in range(len(rows))]


def read_rows(student: StudentLoss, rows: Sequence[TokenRow], pad: int, device: str, start: int = 0) -> Iterator[float]:
    """Yield log p of the trained tokens of each row from row `start` on, which begins a window; summed in nats."""
    numbers = iter(range(start, len(rows)))
    while window := [rows[number] for number in islice(numbers, WINDOW)]:
        order = sorted(range(len(window)), key=lambda number: -len(window[number]))
        found: dict[int, float] = {}
        while order:
            size = max(1, BATCH_TOKENS // len(window[order[0]]))
            now, order = order[:size], order[size:]
            chosen = [window[number] for number in now]
            read = _logs(student, student, chosen, collate(chosen, _ones(chosen), pad, device))
            found |= zip(now, map(math.fsum, read), strict=True)
        yield from (found[number] for number in range(len(window)))


def _ones(rows: Sequence[TokenRow]) -> list[list[float]]:
    """Return a weight of 1 at each trained token."""
    found = []
    for row in rows:
        found.append([0.0] * len(row))
        for place in trained(row):
            found[-1][place] = 1.0
    return found


def _logs(
    run: Callable[..., Any], student: StudentLoss, rows: Sequence[TokenRow], batch: Batch
) -> list[list[float]]:  # fmt: skip
    import torch

    with torch.no_grad(), student.precision(batch.ids.device.type):
        _, losses = run(batch)
    parts = torch.split(losses["ce"].cpu(), [len(trained(row)) for row in rows])
    return [(-part).tolist() for part in parts]
