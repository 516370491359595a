"""A student with its loss at the end: the one module that is run, wrapped and sharded, on one process or many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from potstill.train.divergence import Learning, mixture
from potstill.train.fitness import body_of, head_of
from potstill.train.head import Head, HeadForm, descend
from potstill.train.loss import Batch
from potstill.train.objectives import cross_entropy
from potstill.train.packing import packed


class StudentLoss(torch.nn.Module):
    """The loss of micro-batches, computed inside `forward`: only there are the weights of a sharded model whole.

    `form` is what the model does to the logits of its head. `work` is the type of its matrix products (bf16 under
    autocast, None for that of the weights); the loss of a token is computed in fp32 or better. `learning` is what is
    learnt from a teacher's distributions; a teacher that runs beside the student is no part of the module.
    """

    def __init__(
        self, model: Any, form: HeadForm, work: torch.dtype | None = None, learning: Learning | None = None  # noqa: ANN401
    ) -> None:  # fmt: skip
        super().__init__()
        self.model, self.form, self.work, self.learning = model, form, work, learning

    def forward(self, batch: Batch) -> tuple[torch.Tensor, Mapping[str, torch.Tensor]]:
        """Return (sum of k_t l_t as a scalar to run backward on, what was descended) of one micro-batch.

        The second has cross-entropies `ce` and, where distributions are learnt, divergences `kl`: (targets,), without
        graph, and NaN where a token has no share in it. The output head meets only the positions that carry loss.
        """
        device = batch.ids.device.type
        with torch.autocast(device, enabled=False):  # a teacher has a precision of its own
            mixed = None if self.learning is None else mixture(batch, self.learning)
        with self.precision(device):
            hidden = self._hidden(batch)
            chosen = hidden.reshape(-1, hidden.shape[-1])[batch.places]
            layer = head_of(self.model)
            weight, bias = layer.weight, layer.bias
            if not torch.is_grad_enabled():  # else gradients of both would be made all the same
                weight, bias = weight.detach(), None if bias is None else bias.detach()
            head = Head(weight=weight, bias=bias, form=self.form)
            objective = mixed or cross_entropy(batch.targets)
            total, values = descend(chosen, head, objective, batch.weights, self.work or layer.weight.dtype)
            return total, {"ce": values} if mixed is None else mixed.values

    def _hidden(self, batch: Batch) -> torch.Tensor:
        """Return the hidden states of a micro-batch: (rows, width, hidden), or (1, tokens, hidden) of packed rows."""
        given = {"input_ids": batch.ids, "use_cache": False}
        if batch.pack is not None:
            given["position_ids"] = batch.pack.positions
        with packed(batch.pack):
            hidden: torch.Tensor = body_of(self.model)(**given).last_hidden_state
        return hidden

    def precision(self, device: str) -> torch.autocast:
        """Return what the micro-batches of a step run under, each by itself or all together.

        Together they share one copy of the weights in the type of the products (5 to 20% of a step of SmolLM2-135M on
        a CPU), which is gone at the end: the weights change between steps only.
        """
        return torch.autocast(device, dtype=self.work, enabled=self.work is not None)
