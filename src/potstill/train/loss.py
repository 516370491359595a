"""The student's loss over one optimiser step, exact however the step is cut up.

L = sum of k_t l_t; the coefficients k_t are what a file of `potstill.train.losses` makes of sums over the whole step.
l_t is the cross-entropy of a token, or in whole or in part a divergence from a teacher's distribution. `student_loss`
computes the sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from potstill import recipe
from potstill.train.divergence import TopK
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
    `weights`: (targets,) coefficients k_t; `codes`: (targets,) segment codes; `top_k`: a teacher's distributions at the
    targets, where they are stored.
    """

    ids: torch.Tensor
    places: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    codes: torch.Tensor
    top_k: TopK | None = None


def collate(
    rows: Sequence[TokenRow], scale: Mapping[Segment, float], pad: int, device: str = "cpu",
    stored: Sequence[TopK] | None = None,
) -> Batch:  # fmt: skip
    """Return the tensors of one micro-batch; `stored` has the distributions of each row's trained tokens.

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
        top_k=None if stored is None else _joined(rows, kept, stored, device),
    )


def _joined(rows: Sequence[TokenRow], kept: Sequence[Sequence[int]], stored: Sequence[TopK], device: str) -> TopK:
    """Return the stored distributions at the `kept` positions of each row, one row after the other."""
    import torch

    index = []
    for row, positions in zip(rows, kept, strict=True):
        number = {position: place for place, position in enumerate(trained(row))}
        index.append(torch.tensor([number[position] for position in positions], dtype=torch.long))
    return TopK(
        ids=torch.cat([one.ids[i] for one, i in zip(stored, index, strict=True)]).to(device),
        logs=torch.cat([one.logs[i] for one, i in zip(stored, index, strict=True)]).to(device),
        tail=torch.cat([one.tail[i] for one, i in zip(stored, index, strict=True)]).to(device),
    )
