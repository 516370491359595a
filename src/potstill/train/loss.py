"""The student's loss: weighted cross-entropy over one optimiser step, exact however the step is cut up.

L = sum of k_t l_t; the coefficients k_t are what a file of `potstill.train.losses` makes of sums over the whole step,
and `student_loss` computes the sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from potstill import recipe
from potstill.train.losses import LOSSES, Coefficients
from potstill.train.render import TRAINED, Segment
from potstill.train.segments import TokenRow, trained

if TYPE_CHECKING:
    import torch


def coefficients(rows: Sequence[TokenRow], loss: recipe.Loss) -> Coefficients:
    """Return the coefficients of one optimiser step from all of its rows (all micro-batches, all ranks)."""
    sums = {segment: math.fsum(row.weight * row.segments.count(segment, 1) for row in rows) for segment in TRAINED}
    return LOSSES[loss.kind](sums, loss)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One micro-batch as tensors. `ids`: (rows, width), right-padded; the loss reads only `places`.

    `places`: (targets,) flat positions whose next token carries loss; `targets`: (targets,) those next tokens;
    `weights`: (targets,) coefficients k_t; `codes`: (targets,) segment codes.
    """

    ids: torch.Tensor
    places: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    codes: torch.Tensor


def collate(rows: Sequence[TokenRow], scale: Mapping[Segment, float], pad: int, device: str = "cpu") -> Batch:
    """Return the tensors of one micro-batch.

    A row is fed up to the token before its last trained one: what follows can influence no loss under causal
    attention. For the same reason right padding needs no attention mask. Tokens of coefficient 0 are left out;
    a negative one makes a token less likely.
    """
    import torch

    kept = [[p for p in trained(row) if row.weight * scale[Segment(row.segments[p])] != 0] for row in rows]
    width = max((positions[-1] for positions in kept if positions), default=1)
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    places: list[int] = []
    targets: list[int] = []
    weights: list[float] = []
    codes: list[int] = []
    for number, (row, positions) in enumerate(zip(rows, kept, strict=True)):
        fed = row.ids[: positions[-1]] if positions else row.ids[:1]
        ids[number, : len(fed)] = torch.tensor(fed)
        for position in positions:
            code = row.segments[position]
            places.append(number * width + position - 1)
            targets.append(row.ids[position])
            weights.append(row.weight * scale[Segment(code)])
            codes.append(code)
    return Batch(
        ids=ids.to(device),
        places=torch.tensor(places, dtype=torch.long, device=device),
        targets=torch.tensor(targets, dtype=torch.long, device=device),
        weights=torch.tensor(weights, dtype=torch.float64, device=device),
        codes=torch.tensor(codes, dtype=torch.long, device=device),
    )
