"""A model whose distributions a student learns: loaded, and compared with the student's tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from potstill.errors import StudentError
from potstill.models.local import chat
from potstill.models.local.loading import Checkpoint, load_model
from potstill.train import students


def load_teacher(name: str, shown: str, precision: Literal["bf16", "fp32"]) -> tuple[Any, Any]:
    """Return (model, tokenizer) of a teacher by its folder, hub name or packaged name; `shown` begins the messages.

    Raises:
        CheckpointError, StudentError: it is no whole causal language model.
    """
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    if name == students.PACKAGED:
        model, tokenizer = students.find(name)
        return model.to(dtype), tokenizer
    checkpoint = Checkpoint(name, shown, Path(name).is_dir())
    tokenizer = chat.load_tokenizer(checkpoint, template=False)
    model = load_model(checkpoint, "causal", dtype)
    chat.check_fit(checkpoint, tokenizer, model)
    return model, tokenizer


def check_vocabulary(ours: Any, theirs: Any, shown: str) -> None:  # noqa: ANN401 - tokenizers
    """Refuse a teacher whose tokenizer cuts text differently from the student's, or ends it with another token.

    More tokens than the student's are allowed, and so are padded vocabularies, which no tokenizer knows of.

    Raises:
        StudentError: one line that begins with `shown`.
    """
    text = "learn from its text alone (leave train.loss.kl out), or take a teacher of the same tokenizer"
    known = theirs.get_vocab()
    other = next(((token, number) for token, number in ours.get_vocab().items() if known.get(token) != number), None)
    if other is not None:
        raise StudentError(
            f"{shown}: its tokenizer is not the student's (which has {other[0]!r} as id {other[1]:,}), and only text "
            f"crosses tokenizers: {text}"
        )
    if _cut(ours) != _cut(theirs):
        raise StudentError(
            f"{shown}: its tokenizer has the student's tokens and cuts text differently, and only text crosses "
            f"tokenizers: {text}"
        )
    if ours.eos_token_id != theirs.eos_token_id:
        ends = f"{theirs.eos_token!r}, the student with {ours.eos_token!r}"
        raise StudentError(
            f"{shown}: it ends a text with {ends}, so the student would learn never to end: give both the same "
            f"eos_token, or {text}"
        )


def _cut(tokenizer: Any) -> Any:  # noqa: ANN401
    """Return how a fast tokenizer cuts text: everything of it but tokens that were added, and templates."""
    whole = json.loads(tokenizer.backend_tokenizer.to_str())
    model = {key: value for key, value in whole["model"].items() if key != "vocab"}
    return whole.get("normalizer"), whole.get("pre_tokenizer"), model
