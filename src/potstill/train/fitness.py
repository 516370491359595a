"""What a model must do to be trained here: predict each token from those before it, through one linear output head."""

from __future__ import annotations

from typing import Any

from potstill.errors import StudentError
from potstill.models.local.loading import first_line

LENGTH = 12
"""Tokens of the made-up row that a model is tried on."""
CLOSE = 1e-3
LOUD = 1024.0
"""Factor on what enters the output head while a model is tried: a cap of the logits is not seen in quiet ones."""


def body_of(model: Any) -> Any:  # noqa: ANN401 - a Hugging Face model
    """Return the part of a model that makes the hidden states its output head reads."""
    return model.model if model.base_model is model else model.base_model


def check_student(shown: str, model: Any) -> None:  # noqa: ANN401 - a Hugging Face model
    """Raise StudentError where the loss of `train.loss` would not be that of the model; `shown` begins the message.

    A few forward passes of a made-up row, as the trainer runs them: without a mask or a cache.
    """
    import torch

    model.eval()
    head = model.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear):
        raise StudentError(f"{shown}: {type(model).__name__} has no linear output head; choose another model")
    row = (torch.arange(LENGTH, device=head.weight.device) * 7 + 3).remainder(len(head.weight))[None]
    louder = head.register_forward_pre_hook(lambda _, given: (given[0] * LOUD, *given[1:]))
    try:
        with torch.no_grad():
            logits = model(input_ids=row, use_cache=False).logits
            louder.remove()
            hidden = body_of(model)(input_ids=row, use_cache=False).last_hidden_state
            begun = body_of(model)(input_ids=row[:, : LENGTH // 2], use_cache=False).last_hidden_state
            plain = head(hidden * LOUD)
            body_of(model.train())(input_ids=row[:, 1:], use_cache=False)  # Reformer takes other lengths then
    except Exception as error:  # a model is a program: whatever it raises, it cannot be trained on plain text
        raise StudentError(
            f"{shown}: {type(model).__name__} does not take plain rows of tokens ({first_line(error)}); choose "
            "another model"
        ) from error
    finally:
        louder.remove()
        model.eval()
    if hidden.shape[:2] != row.shape or not _close(hidden[:, : LENGTH // 2], begun):
        raise StudentError(
            f"{shown}: {type(model).__name__} reads what comes after a token to predict it, so it cannot be trained "
            "to write; choose another model (of BERT's kin, one with is_decoder: true)"
        )
    if not _close(logits, plain):
        raise StudentError(
            f"{shown}: {type(model).__name__} scales or caps its logits after the output head, which the loss does "
            "not do; choose another model"
        )


def _close(one: Any, other: Any) -> bool:  # noqa: ANN401 - tensors
    import torch

    return one.shape == other.shape and bool(torch.allclose(one.float(), other.float(), rtol=CLOSE, atol=CLOSE))
