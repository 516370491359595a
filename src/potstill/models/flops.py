"""How much arithmetic a model takes, by formula: `F = 3 f` a trained token, `f` a sampled, prefilled or scored one.

A token at context c takes `f(c) = 2 N + 4 L d c`, and `2 V H` more where the output head is used, for N weights in the
body, L layers of d attention channels, V tokens of vocabulary and H hidden channels: two operations a weight, two times
two for scores and values of each position looked at (Kaplan et al. 2020, arXiv 2001.08361, section 2.1, with the
attention that plain 6N leaves out).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEADS = ("lm_head.", "embed_out.", "output.")
"""How output heads are called, such as `lm_head.weight`."""
EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """What decides a model's arithmetic: weights of its body, layers, attention channels, the size of its head."""

    body: int
    layers: int
    attention: int
    vocabulary: int
    hidden: int

    @property
    def parameters(self) -> int:
        """Weights of the body and of one matrix of embeddings, which most small models share with their head."""
        return self.body + self.vocabulary * self.hidden


def shape_of(folder: Path) -> ModelShape:
    """Return the shape of a checkpoint folder, from its config and the heads of its weight files; loads no weight."""
    body = 0
    for name, size in tensors_of(folder):
        if not name.startswith(HEADS) and not name.endswith(EMBEDDINGS):
            body += size
    return _shape(json.loads((folder / "config.json").read_bytes()), body)


def shape_of_model(model: Any) -> ModelShape:  # noqa: ANN401 - a Hugging Face model
    """Return the shape of a loaded model."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    apart = {id(layer.weight) for layer in (head, embedding)}
    body = sum(tensor.numel() for tensor in model.parameters() if id(tensor) not in apart)
    return _shape(model.config.to_dict(), body)


def _shape(config: Mapping[str, Any], body: int) -> ModelShape:
    config = config.get("text_config") or config
    hidden = int(config.get("hidden_size") or config.get("n_embd") or config.get("d_model") or 0)
    heads = int(config.get("num_attention_heads") or config.get("n_head") or 1)
    width = int(config.get("head_dim") or (hidden // heads)) * heads
    layers = int(config.get("num_hidden_layers") or config.get("n_layer") or 0)
    return ModelShape(
        body=body, layers=layers, attention=width, vocabulary=int(config.get("vocab_size") or 0), hidden=hidden
    )


def shape_if_here(folder: Path) -> ModelShape | None:
    """Return the shape of a checkpoint folder, None where there is none: a model behind a server, or on the hub."""
    return shape_of(folder) if (folder / "config.json").is_file() else None


def tensors_of(folder: Path) -> list[tuple[str, int]]:
    """Return (name, number of weights) of every tensor in the safetensors files of a folder."""
    found = []
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        for name, about in header.items():
            if name != "__metadata__":
                size = 1
                for extent in about["shape"]:
                    size *= extent
                found.append((name, size))
    return found


def read_flops(shape: ModelShape, tokens: int, heads: int, before: int = 0) -> int:
    """Return the FLOPs of `tokens` tokens after `before` others, `heads` of them with the output head."""
    contexts = tokens * before + tokens * (tokens + 1) // 2
    body = 2 * shape.body * tokens + 4 * shape.layers * shape.attention * contexts
    return body + 2 * shape.vocabulary * shape.hidden * heads


def trained_flops(shape: ModelShape, tokens: int, heads: int) -> int:
    """Return the FLOPs of a row of `tokens` tokens, `heads` of them with loss: a forward pass and twice that back."""
    return 3 * read_flops(shape, tokens, heads)


def sampled_flops(shape: ModelShape, prompt: int, completion: int) -> int:
    """Return the FLOPs of a completion: the prompt read once, each token sampled after all before it."""
    return read_flops(shape, prompt, 1) + read_flops(shape, completion, completion, prompt)


@dataclass
class Account:
    """What sampling or scoring took: tokens read and written, FLOPs where the model's shape is known.

    A model behind a server has none, and neither has one that only a name on the hub tells.
    """

    shape: ModelShape | None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    flops: int = 0

    def sampled(self, prompt: int, completion: int) -> None:
        """Count a completion."""
        self.prompt_tokens += prompt
        self.completion_tokens += completion
        self.flops += 0 if self.shape is None else sampled_flops(self.shape, prompt, completion)

    def scored(self, tokens: int, heads: int = 0) -> None:
        """Count a text that is read once, its output head at `heads` tokens: none where it is too small to count."""
        self.prompt_tokens += tokens
        self.flops += 0 if self.shape is None else read_flops(self.shape, tokens, heads)

    def counts(self) -> dict[str, int | None]:
        """Return the account as a stage keeps it among its counts."""
        return {
            "prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens,
            "flops": None if self.shape is None else self.flops,
        }  # fmt: skip
