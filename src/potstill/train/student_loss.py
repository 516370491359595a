"""A student with its loss at the end: the one module that is run, wrapped and sharded, on one process or many."""

from __future__ import annotations

from typing import Any

import torch

from potstill.train.fitness import body_of
from potstill.train.head import Head, HeadForm, descend
from potstill.train.loss import Batch
from potstill.train.objectives import cross_entropy


class StudentLoss(torch.nn.Module):
    """The loss of micro-batches, computed inside `forward`: only there are the weights of a sharded model whole.

    `form` is what the model does to the logits of its head. `work` is the type of its matrix products (bf16 under
    autocast, None for that of the weights); the loss of a token is computed in fp32 or better.
    """

    def __init__(self, model: Any, form: HeadForm, work: torch.dtype | None = None) -> None:  # noqa: ANN401
        super().__init__()
        self.model, self.form, self.work = model, form, work

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (sum of k_t l_t as a scalar to run backward on, l_t: (targets,) without graph) of one micro-batch.

        The output head meets only the positions that carry loss.
        """
        with torch.autocast(batch.ids.device.type, dtype=self.work, enabled=self.work is not None):
            hidden = body_of(self.model)(input_ids=batch.ids, use_cache=False).last_hidden_state
            chosen = hidden.reshape(-1, hidden.shape[-1])[batch.places]
            layer = self.model.get_output_embeddings()
            head = Head(weight=layer.weight, bias=layer.bias, form=self.form)
            objective = cross_entropy(batch.targets)
            return descend(chosen, head, objective, batch.weights, self.work or layer.weight.dtype)
