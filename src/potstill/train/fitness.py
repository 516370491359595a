"""What a model must do to be trained here: predict each token from those before it, through one linear output head."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from potstill.errors import StudentError
from potstill.models.local.loading import first_line

if TYPE_CHECKING:
    from potstill.train.head import HeadForm

LENGTH = 12
"""Tokens of the made-up row that a model is tried on."""
CLOSE = 1e-3
LOUDNESS = (1.0, 32.0, 1024.0)
"""Factors on what enters the output head while a model is tried: a cap of the logits is not seen in quiet ones, and a
scale not in loud ones."""
NAMES_LOGITS = re.compile(r"logit|soft_?cap|lm_head_multiplier|output_multiplier")
"""`final_logit_softcapping`, `logit_scale`, `logits_scaling`, `output_logit_soft_cap`."""


def body_of(model: Any) -> Any:  # noqa: ANN401 - a Hugging Face model
    """Return the part of a model that makes the hidden states its output head reads."""
    return model.model if model.base_model is model else model.base_model


def head_of(model: Any) -> Any:  # noqa: ANN401 - a Hugging Face model and its layer
    """Return the layer that reads the hidden states: an output head, or that of a classifier's labels, else None."""
    head = model.get_output_embeddings()
    return head if head is not None else getattr(model, "score", getattr(model, "classifier", None))


def check_student(shown: str, model: Any) -> HeadForm:  # noqa: ANN401 - a Hugging Face model
    """Return what a model does to the logits of its head; `shown` begins the messages.

    A few forward passes of a made-up row, as the trainer runs them: without a mask or a cache.

    Raises:
        StudentError: the loss of `train.loss` would not be that of the model.
    """
    import torch

    model.eval()
    head = model.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear):
        raise StudentError(f"{shown}: {type(model).__name__} has no linear output head; choose another model")
    row = (torch.arange(LENGTH, device=head.weight.device) * 7 + 3).remainder(len(head.weight))[None]
    try:
        with torch.no_grad():
            hidden = body_of(model)(input_ids=row, use_cache=False).last_hidden_state
            begun = body_of(model)(input_ids=row[:, : LENGTH // 2], use_cache=False).last_hidden_state
            told = {factor: _logits(model, row, factor) for factor in LOUDNESS}
            raw = {factor: head(hidden * factor) for factor in LOUDNESS}
            body_of(model.train())(input_ids=row[:, 1:], use_cache=False)  # Reformer takes other lengths then
    except Exception as error:  # a model is a program: whatever it raises, it cannot be trained on plain text
        raise StudentError(
            f"{shown}: {type(model).__name__} does not take plain rows of tokens ({first_line(error)}); choose "
            "another model"
        ) from error
    finally:
        model.eval()
    if hidden.shape[:2] != row.shape or not _close(hidden[:, : LENGTH // 2], begun):
        raise StudentError(
            f"{shown}: {type(model).__name__} reads what comes after a token to predict it, so it cannot be trained "
            "to write; choose another model (of BERT's kin, one with is_decoder: true)"
        )
    for form in _forms(model.config):
        if all(_alike(told[factor], form(raw[factor].float())) for factor in LOUDNESS):
            return form
    raise StudentError(
        f"{shown}: {type(model).__name__} changes its logits after the output head in a way that the loss does not "
        "know; choose another model"
    )


def _logits(model: Any, row: Any, factor: float) -> Any:  # noqa: ANN401 - a model, tensors
    """Return the model's own logits with what enters its head made louder."""
    louder = model.get_output_embeddings().register_forward_pre_hook(lambda _, given: (given[0] * factor, *given[1:]))
    try:
        return model(input_ids=row, use_cache=False).logits
    finally:
        louder.remove()


def _forms(config: Any) -> Iterator[HeadForm]:  # noqa: ANN401 - a config of transformers
    """Yield what a model may do to its logits: nothing, or what the numbers of its config that name logits say."""
    from potstill.train.head import HeadForm

    found: dict[str, Any] = {**config.get_text_config().to_dict(), **config.to_dict()}
    numbers = {
        float(value) for name, value in found.items()
        if NAMES_LOGITS.search(name) and isinstance(value, int | float) and not isinstance(value, bool) and value
    }  # fmt: skip
    base, hidden = found.get("dim_model_base"), found.get("hidden_size")
    if base and hidden:  # MiniCPM divides what enters its head
        numbers.add(base / hidden)
    scales = sorted({1.0, *numbers, *(1 / number for number in numbers)}, key=lambda scale: (scale != 1.0, scale))
    for cap in (None, *sorted(number for number in numbers if number > 0)):
        for scale in scales:
            yield HeadForm(scale=scale, cap=cap)


def _alike(one: Any, other: Any) -> bool:  # noqa: ANN401 - tensors
    """Whether logits are the same beside the largest of them."""
    return one.shape == other.shape and bool((one.float() - other).abs().max() <= CLOSE * one.float().abs().max())


def _close(one: Any, other: Any) -> bool:  # noqa: ANN401 - tensors
    import torch

    return one.shape == other.shape and bool(torch.allclose(one.float(), other.float(), rtol=CLOSE, atol=CLOSE))
