"""A model that is being trained, sampled as it is now: token ids and log-probabilities as drawn, never text.

Text that is tokenised again is other tokens than were drawn, and their probabilities are not those that they were drawn
with. Nothing here is cut: no temperature, top_p or top_k, for what is cut away changes what a policy's gradient is of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch

from potstill.models.local.loading import context_of
from potstill.models.local.steps import Decoder


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """One completion as it was drawn: `ids` with the token that ended it, `logs` the log-probability of each in nats.

    `entropy` is the sum over its tokens of the entropy of the distribution that each was drawn from.
    """

    ids: tuple[int, ...]
    logs: tuple[float, ...]
    entropy: float
    finish: Literal["stop", "length"]


class LiveSampler:
    """Samples `model`, which stays as it is: in training or not, module by module, without a trace of a cache.

    `stops` are the ids that end a completion; `work` is the type of its matrix products under autocast, None for that
    of the weights. A completion is a function of the weights, its prompt and its seed: which others are drawn beside it
    changes the rounding of products alone, as in `LocalModel.sample`.
    """

    def __init__(self, model: Any, stops: Sequence[int], work: torch.dtype | None = None) -> None:  # noqa: ANN401
        self.model, self.stops, self.work = model, frozenset(stops), work
        self.context = context_of(model.config)
        with self._resting():
            self.decoder = Decoder(model, self.context)

    @contextmanager
    def _resting(self) -> Iterator[None]:
        """Let the model be sampled while the block lasts: no dropout, no gradients, the precision of its training."""
        training = [module for module in self.model.modules() if module.training]
        self.model.eval()
        try:
            with (
                torch.inference_mode(),
                torch.autocast(self.model.device.type, dtype=self.work, enabled=self.work is not None),
            ):
                yield
        finally:
            for module in training:
                module.training = True

    def draw(self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], most: int) -> list[Drawn]:
        """Draw a completion of at most `most` tokens of each prompt, all side by side; one seed a row.

        Prompts that are the same are read once. A prompt has to leave room for a token in the model's context.
        """
        rows = dict(enumerate(prompts))
        room = [min(most, self.context - len(ids)) for ids in prompts]
        if min(room, default=1) < 1:
            raise ValueError("a prompt leaves no room in the context")
        uniform = _uniforms(seeds, most)
        written: dict[int, list[int]] = {row: [] for row in rows}
        logs: dict[int, list[float]] = {row: [] for row in rows}
        entropy = dict.fromkeys(rows, 0.0)
        ended: dict[int, Literal["stop", "length"]] = {}
        with self._resting():
            for alive, logits in self.decoder.steps(rows, most, written, ended):
                place = torch.tensor([min(len(written[row]), most - 1) for row in alive])
                chosen = _chosen(logits, uniform[torch.tensor(alive), place])
                for row, token, log, spread in zip(alive, *chosen, strict=True):
                    if row in ended:
                        continue
                    written[row].append(token)
                    logs[row].append(log)
                    entropy[row] += spread
                    if token in self.stops:
                        ended[row] = "stop"
                    elif len(written[row]) == room[row]:
                        ended[row] = "length"
        return [
            Drawn(ids=tuple(written[row]), logs=tuple(logs[row]), entropy=entropy[row], finish=ended[row])
            for row in rows
        ]


def _uniforms(seeds: Sequence[int], most: int) -> torch.Tensor:
    """Return (rows, most) numbers in [0, 1), each row from its own seed."""
    return torch.stack(
        [torch.rand(most, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in seeds]
    )


def _chosen(logits: torch.Tensor, uniform: torch.Tensor) -> tuple[list[int], list[float], list[float]]:
    """Return a token of each row, its log-probability and the entropy of its distribution.

    `logits`: (rows, vocabulary). The token is where the cumulated distribution exceeds the row's number. What is
    cumulated is in float64, or a large vocabulary's sum would move its last tokens; probabilities are as training has
    them, for in float64 they would take a tenth of a small student's drawing.
    """
    log_p = logits.log_softmax(-1)
    p = log_p.exp()
    summed = p.cumsum(-1, dtype=torch.float64)
    whole = summed[:, -1]
    # below the whole, or the last token of the vocabulary would be drawn although it has no mass
    wanted = torch.minimum(uniform.to(whole.device) * whole, torch.nextafter(whole, torch.zeros_like(whole)))
    tokens = torch.searchsorted(summed, wanted[:, None], right=True)
    logs = log_p.gather(1, tokens)[:, 0]
    # where p is 0 its logarithm may be infinite; entr would take all logarithms once more
    entropy = -(p * log_p.clamp(min=-1e3)).sum(-1)
    return tokens[:, 0].tolist(), logs.tolist(), entropy.tolist()
