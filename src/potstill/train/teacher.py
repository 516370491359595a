"""A model whose distributions a student learns: loaded, and compared with the student's tokenizer."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potstill import recipe
from potstill.errors import StudentError
from potstill.hardware import Precision
from potstill.models.flops import ModelShape, shape_of_model
from potstill.models.local import chat
from potstill.models.local.loading import Checkpoint, context_of, load_model
from potstill.records import content_key
from potstill.train import students
from potstill.train.divergence import Learning, LiveTeacher
from potstill.train.fitness import check_student
from potstill.train.logits import Logits
from potstill.train.methods import Taught

if TYPE_CHECKING:
    from potstill.train.rows import Rows

SHOWN = "train.loss.kl"
"""What begins the messages about a teacher of distributions."""


def learning_of(kl: recipe.Kl, taught: Taught, rows: Rows, tokenizer: Any) -> Learning:  # noqa: ANN401
    """Return what a training on `rows` learns; `tokenizer` is the student's.

    Raises:
        DataError: the stored distributions belong to other rows.
        StudentError: the teacher has another tokenizer or end of text.
    """
    if taught.logits is None:
        live = opened(taught.name, kl, tokenizer, int(rows.lengths.max()))
        return Learning(kl=kl, digest=taught.digest, shape=shape_of_model(live.model), live=live)
    stored = Logits(taught.logits, rows.identity, rows.trained)
    return Learning(kl=kl, digest=stored.identity, shape=ModelShape(**stored.about["shape"]), stored=stored)


def opened(name: str, kl: recipe.Kl, tokenizer: Any, longest: int) -> LiveTeacher:  # noqa: ANN401
    """Return a teacher that has the tokenizer of the student and room for its longest row; raises as `learning_of`."""
    shown = f"{SHOWN}: teacher {kl.arm or name}"
    model, theirs = load_teacher(name, shown, kl.precision)
    check_vocabulary(tokenizer, theirs, shown)
    if longest > (context := context_of(model.config)):
        raise StudentError(
            f"{shown}: the longest row has {longest:,} tokens and it takes {context:,}: lower train.max_length"
        )
    return live_teacher(model, shown, name, kl.precision)


def live_teacher(model: Any, shown: str, name: str, precision: Precision) -> LiveTeacher:  # noqa: ANN401
    """Return a loaded model as a teacher; StudentError, which begins with `shown`, where its logits are not understood.

    Another process loads it again by its name.
    """
    form = check_student(shown, model)
    return LiveTeacher(model, form, partial(_again, shown, name, precision))


def _again(shown: str, name: str, precision: Precision) -> LiveTeacher:
    return live_teacher(load_teacher(name, shown, precision)[0], shown, name, precision)


def about(taught: Taught, kl: recipe.Kl, rows: Rows, tokenizer: Any, teacher: LiveTeacher) -> dict[str, Any]:  # noqa: ANN401
    """Return what stored distributions belong to: rows, tokenizer, teacher, and how they were made."""
    return {
        "rows": rows.identity, "tokenizer": content_key(_cut(tokenizer), tokenizer.get_vocab()),
        "teacher": taught.digest, "top_k": kl.top_k, "precision": kl.precision,
        "shape": asdict(shape_of_model(teacher.model)),
    }  # fmt: skip


def load_teacher(name: str, shown: str, precision: Precision) -> tuple[Any, Any]:
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
