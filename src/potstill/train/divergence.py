"""What a student learns from a teacher's distribution: its top tokens, stored, or all of it, from the teacher itself.

At a token with share s the loss is (1 - s) CE + s D, with D the divergence that `train.loss.kl` names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from potstill import recipe
from potstill.train.fitness import body_of
from potstill.train.render import Segment

if TYPE_CHECKING:
    import torch

    from potstill.models.flops import ModelShape
    from potstill.train.head import Head, HeadForm
    from potstill.train.loss import Batch
    from potstill.train.objectives import Mixture

BETAS = {"forward": 0.0, "jsd": 0.5, "reverse": 1.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class TopK:
    """A teacher's distribution at the trained tokens of a row, in their order, or at the targets of a micro-batch.

    `ids`, `logs`: (tokens, k), its likeliest tokens and their log p; `tail`: (tokens,), the log mass of all others.
    """

    ids: torch.Tensor
    logs: torch.Tensor
    tail: torch.Tensor


def shares(kl: recipe.Kl) -> dict[Segment, float]:
    """Return the share of a token's loss that is the divergence, by segment."""
    return {Segment.REASONING: kl.reasoning, Segment.ANSWER: kl.answer, Segment.FORMAT: kl.answer}


class LiveTeacher:
    """A model that reads what the student is trained on, in the same micro-batches, and is not trained.

    `again` makes it anew: what another process is handed in place of its weights.
    """

    def __init__(self, model: Any, form: HeadForm, again: Callable[[], LiveTeacher] | None = None) -> None:  # noqa: ANN401
        self.model = model.eval().requires_grad_(requires_grad=False)
        self.form, self.again = form, again

    def __reduce__(self) -> Any:  # noqa: ANN401 - as pickle wants it
        """Return how another process makes it."""
        if self.again is None:
            raise TypeError("a teacher that was not opened by its name cannot be handed to another process")
        return _made, (self.again,)

    @property
    def head(self) -> Head:
        """Its output head."""
        from potstill.train.head import Head

        layer = self.model.get_output_embeddings()
        return Head(weight=layer.weight, bias=layer.bias, form=self.form)

    def hidden(self, ids: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Return its hidden states at `places` of `ids`, see `Batch`: (targets, hidden); it goes where they are."""
        import torch

        if self.head.weight.device != ids.device:
            self.model.to(ids.device)
        with torch.no_grad():
            hidden: torch.Tensor = body_of(self.model)(input_ids=ids, use_cache=False).last_hidden_state
        return hidden.reshape(-1, hidden.shape[-1])[places]


def _made(again: Callable[[], LiveTeacher]) -> LiveTeacher:
    return again()


@dataclass(frozen=True, kw_only=True)
class Learning:
    """What is learnt in a training: the settings, and the distributions of each row or the teacher beside it.

    `digest` is a key of the distributions, or of the teacher; `shape` decides what its readings take.
    """

    kl: recipe.Kl
    digest: str
    shape: ModelShape
    stored: Sequence[TopK] | None = None
    live: LiveTeacher | None = None

    @property
    def shares(self) -> Mapping[Segment, float]:
        """The share of the divergence, by segment."""
        return shares(self.kl)

    def of(self, rows: Sequence[int]) -> list[TopK] | None:
        """Return the distributions of some rows, None where the teacher is asked itself."""
        return None if self.stored is None else [self.stored[row] for row in rows]


def mixture(batch: Batch, learning: Learning) -> Mixture:
    """Return what is descended at the targets of a micro-batch: cross-entropy `ce`, and the divergence `kl`."""
    import torch

    from potstill.train.objectives import Mixture, cross_entropy, full, top_k

    kl = learning.kl
    if learning.live is not None:
        hidden, head = learning.live.hidden(*batch.padded()), learning.live.head
        theirs = full(hidden, head, head.weight.dtype, BETAS[kl.direction])
    else:
        if batch.top_k is None or kl.direction == "jsd":
            raise ValueError("stored distributions are for the forward or reverse KL, and belong to the batch")
        theirs = top_k(batch.top_k.ids, batch.top_k.logs, batch.top_k.tail, kl.direction)
    of_segment = torch.tensor([learning.shares.get(segment, 0.0) for segment in Segment], dtype=batch.weights.dtype)
    share = of_segment.to(batch.codes.device)[batch.codes]
    return Mixture({"ce": (cross_entropy(batch.targets), 1 - share), "kl": (theirs, share)})
