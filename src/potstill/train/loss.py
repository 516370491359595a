"""The student's loss over one optimiser step, exact however the step is cut up.

L = sum of k_t l_t. In fine-tuning the coefficients k_t are what a file of `potstill.train.losses` makes of sums over
the whole step, one for each segment; a method that learns from its own samples gives each token one of any sign.
l_t is the cross-entropy of a token, or in whole or in part a divergence from a teacher's distribution. `student_loss`
computes the sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from potstill import recipe
from potstill.train.divergence import TopK
from potstill.train.losses import LOSSES, Coefficients
from potstill.train.render import TRAINED, Segment
from potstill.train.segments import TokenRow, trained

if TYPE_CHECKING:
    import torch

    from potstill.train.packing import Pack

Weights = Sequence[float] | NDArray[np.float64]
"""A coefficient k_t for each token of a row, of any sign, constant within an optimiser step."""


def coefficients(rows: Sequence[TokenRow], loss: recipe.Loss) -> Coefficients:
    """Return the coefficients of one optimiser step from all of its rows (all micro-batches, all ranks)."""
    sums = {segment: math.fsum(row.weight * row.segments.count(segment, 1) for row in rows) for segment in TRAINED}
    return LOSSES[loss.kind](sums, loss)


def add(sums: dict[str, float], losses: Mapping[str, torch.Tensor], batch: Batch) -> None:
    """Add what a micro-batch descended to sums by name and segment (`ce_answer`), with their counts (`#ce_answer`)."""
    for name, values in losses.items():
        for segment in TRAINED:
            chosen = values[(batch.codes == segment) & ~values.isnan()]
            key = f"{name}_{segment.name.lower()}"
            sums[key] = sums.get(key, 0.0) + float(chosen.sum())
            sums[f"#{key}"] = sums.get(f"#{key}", 0.0) + len(chosen)


def means(sums: Mapping[str, float]) -> dict[str, float]:
    """Return the means of what `add` summed, where there was any."""
    return {key[1:]: sums[key[1:]] / count for key, count in sums.items() if key[0] == "#" and count}


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One micro-batch as tensors. `ids`: (rows, width), right-padded; the loss reads only `places`.

    Packed rows stand one behind the other: `pack` says where, and `ids` is (1, tokens).
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
    pack: Pack | None = None

    def padded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (ids, places) with each row by itself, for a model that does not read packs."""
        if self.pack is None:
            return self.ids, self.places
        return self.ids[0][self.pack.index], self.pack.first[self.places]


def by_segment(rows: Sequence[TokenRow], scale: Mapping[Segment, float]) -> list[NDArray[np.float64]]:
    """Return the coefficients k_t of rows whose tokens count by their segment and by the weight of their row."""
    table = np.zeros(256)
    for segment, value in scale.items():
        table[segment] = value
    found = []
    for row in rows:
        weights = row.weight * table[np.frombuffer(row.segments, dtype=np.uint8)]
        weights[:1] = 0.0  # the first token has nothing before it to be predicted from
        found.append(weights)
    return found


def collate(
    rows: Sequence[TokenRow], weights: Sequence[Weights], pad: int, device: str = "cpu",
    stored: Sequence[TopK] | None = None, *, packed: bool = False,
) -> Batch:  # fmt: skip
    """Return the tensors of one micro-batch; `stored` has the distributions of each row's trained tokens.

    `weights` has for each row a coefficient k_t for each of its tokens: 0 where a token carries no loss, negative
    where it is to become less likely; they come from the whole step, so that nothing depends on how it is cut up. A row
    is fed up to the token before its last one with loss: what follows can influence no loss under causal attention.
    For the same reason right padding needs no attention mask. `packed` rows stand one behind the other instead, and
    what they begin with like a longer row in front of them is there once.
    """
    import torch

    kept = [np.flatnonzero(k) for k in weights]
    if any(len(positions) and positions[0] == 0 for positions in kept):
        raise ValueError("the first token of a row has nothing before it to be predicted from")
    lengths = [int(positions[-1]) if len(positions) else 1 for positions in kept]
    pack = _laid_out(rows, lengths) if packed else None
    index = np.arange(len(rows) * max(lengths)).reshape(len(rows), -1) if pack is None else pack.index.numpy()
    ids = np.full(index.size if pack is None else len(pack.first), pad, dtype=np.int64)
    targets: list[NDArray[np.int64]] = []
    codes: list[NDArray[np.uint8]] = []
    for number, (row, positions) in enumerate(zip(rows, kept, strict=True)):
        whole = np.asarray(row.ids, dtype=np.int64)
        ids[index[number, : lengths[number]]] = whole[: lengths[number]]
        targets.append(whole[positions])
        codes.append(np.frombuffer(row.segments, dtype=np.uint8)[positions])
    places = [where[positions - 1] for where, positions in zip(index, kept, strict=True)]
    chosen = [np.asarray(k, dtype=np.float64)[positions] for k, positions in zip(weights, kept, strict=True)]
    return Batch(
        ids=torch.from_numpy(ids.reshape(1 if packed else len(rows), -1)).to(device),
        places=torch.from_numpy(np.concatenate(places)).to(device),
        targets=torch.from_numpy(np.concatenate(targets)).to(device),
        weights=torch.from_numpy(np.concatenate(chosen)).to(device),
        codes=torch.from_numpy(np.concatenate(codes).astype(np.int64)).to(device),
        top_k=None if stored is None else _joined(rows, kept, stored, device),
        pack=None if pack is None else pack.to(device),
    )


def _laid_out(rows: Sequence[TokenRow], lengths: Sequence[int]) -> Pack:
    """Return where rows are in a pack, of which those behind each other that have one prompt have it once."""
    from potstill.train.packing import Pack

    begins, whole = list[int](), 0
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        prompt = min(length, len(row.segments) - len(row.segments.lstrip(bytes([Segment.PROMPT]))))
        shares = number > 0 and length <= lengths[whole] and row.ids[:prompt] == rows[whole].ids[:prompt]
        begins.append(prompt if shares else 0)
        whole = whole if begins[-1] else number
    return Pack.of(lengths, begins)


def _joined(
    rows: Sequence[TokenRow], kept: Sequence[NDArray[np.int64]], stored: Sequence[TopK], device: str
) -> TopK:  # fmt: skip
    """Return the stored distributions at the `kept` positions of each row, one row after the other."""
    import torch

    index = []
    for row, positions in zip(rows, kept, strict=True):
        index.append(torch.from_numpy(np.searchsorted(trained(row), positions)))
    return TopK(
        ids=torch.cat([one.ids[i] for one, i in zip(stored, index, strict=True)]).to(device),
        logs=torch.cat([one.logs[i] for one, i in zip(stored, index, strict=True)]).to(device),
        tail=torch.cat([one.tail[i] for one, i in zip(stored, index, strict=True)]).to(device),
    )
