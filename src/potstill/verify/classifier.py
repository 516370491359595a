"""A Hugging Face classifier run in this process: loaded whole or not at all, in batches of like lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from potstill.errors import RecipeError
from potstill.models.local import chat
from potstill.models.local.loading import Checkpoint, libraries, load_model
from potstill.models.local.memory import release_memory
from potstill.verify.layouts import LARGEST, Layout, Row

if TYPE_CHECKING:
    import torch

WINDOW = 512
"""Rows that are sorted by length together."""
BATCH_TOKENS = 16_384
"""Tokens of a batch, padding included; a longer row is a batch of its own."""


class Classifier:
    """A model with one or two labels and its tokenizer, on the GPU when there is one.

    `kind` is `sequence` (one row of logits an input) or `token` (one a token). fp32 on a CPU, as stored on a GPU.

    Raises:
        CheckpointError: the model cannot be loaded whole, with a trained head of this kind.
        RecipeError: it has other labels.
    """

    def __init__(self, name: str, kind: Literal["sequence", "token"]) -> None:
        libraries()
        import torch

        self.torch, self.name, self.kind = torch, name, kind
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype: Any = "auto" if self.device == "cuda" else torch.float32
        checkpoint = Checkpoint(name, f"checks.reward.model {name}", Path(name).is_dir())
        model = load_model(checkpoint, kind, dtype)
        self.tokenizer = chat.load_tokenizer(checkpoint, template=False)
        self.labels = int(model.config.num_labels)
        if self.labels not in (1, 2):
            raise RecipeError(f"checks.reward.model {name} has {self.labels} labels: a reward model has one or two")
        self.model: Any = model.to(self.device).eval()
        config = model.config.get_text_config()
        limits = (getattr(config, "max_position_embeddings", None), self.tokenizer.model_max_length)
        longest = min((int(limit) for limit in limits if limit and limit < LARGEST), default=LARGEST)
        self.layout = Layout(self.tokenizer, longest)
        self.pad = config.pad_token_id

    def logits(self, rows: Iterable[Row]) -> Iterator[torch.Tensor | None]:
        """Yield one fp32 tensor on the CPU a row, in order: (labels,), or (tokens, labels); None for a refused row."""
        source = iter(rows)
        while window := list(islice(source, WINDOW)):
            found: list[torch.Tensor | None] = [None] * len(window)
            for batch in self._batches(window):
                for number, logits in zip(batch, self._forward([window[n].ids for n in batch]), strict=True):
                    found[number] = logits
            release_memory()
            yield from found

    def _batches(self, window: list[Row]) -> Iterator[list[int]]:
        order = sorted((n for n, row in enumerate(window) if not row.refused), key=lambda n: -len(window[n].ids))
        # A sequence classifier finds its last token by the padding's id, and reads one row at a time without one.
        alone = self.kind == "sequence" and self.pad is None
        at = 0
        while at < len(order):
            size = 1 if alone else max(1, BATCH_TOKENS // len(window[order[at]].ids))
            yield order[at : at + size]
            at += size

    def _forward(self, rows: list[Sequence[int]]) -> list[torch.Tensor]:
        torch = self.torch
        width = max(map(len, rows))
        pad = 0 if self.pad is None else self.pad
        ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows], device=self.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self.device)
        with torch.inference_mode():
            out = self.model(input_ids=ids, attention_mask=mask).logits.float().cpu()
        if self.kind == "sequence":
            return list(out)
        return [logits[: len(row)].clone() for logits, row in zip(out, rows, strict=True)]


def share(logits: torch.Tensor) -> list[float]:
    """Return the probability of the good label of each row of `logits` (rows, labels): 1 of two, or the only one."""
    if logits.shape[-1] == 1:
        return [float(value) for value in logits[:, 0].double().sigmoid()]
    return [float(value) for value in logits.double().softmax(-1)[:, 1]]
