"""An output head and what is descended at it, without ever holding tokens x vocabulary logits.

One pass over chunks of tokens makes the logits, the value at each token, and its gradient by the logits; the gradients
of hidden states, weight and bias follow from that at once. Because the coefficients k_t of L = sum of k_t v_t are known
before, everything is made in the forward pass: no logits are kept or computed twice. k_t is any real number, for every
method has a gradient of this form: negative where a token is to become less likely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from potstill.train.limits import LOGITS_AT_ONCE, WEIGHTS_AT_ONCE


@dataclass(frozen=True, kw_only=True)
class HeadForm:
    """What a model does to the raw logits r of its head: z = cap tanh(scale r / cap), or scale r without a cap."""

    scale: float = 1.0
    cap: float | None = None

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        scaled = raw if self.scale == 1.0 else raw * self.scale
        return scaled if self.cap is None else self.cap * torch.tanh(scaled / self.cap)

    def back(self, gradient: torch.Tensor, logits: torch.Tensor | None) -> torch.Tensor:
        """Return the gradient by the raw logits, from that by the logits; writes over `gradient`.

        Only a cap needs the logits themselves.
        """
        if self.cap is not None and logits is not None:
            gradient *= 1 - (logits / self.cap) ** 2
        return gradient if self.scale == 1.0 else gradient.mul_(self.scale)


PLAIN = HeadForm()


@dataclass(frozen=True, kw_only=True)
class Head:
    """A linear output head: weight (vocabulary, hidden), bias (vocabulary,) or None, and the form of its logits."""

    weight: torch.Tensor
    bias: torch.Tensor | None = None
    form: HeadForm = PLAIN

    def logits(self, hidden: torch.Tensor, work: torch.dtype) -> torch.Tensor:
        """Return (tokens, vocabulary) logits in fp32 or better; the product runs in `work`."""
        exact = torch.promote_types(torch.float32, self.weight.dtype)
        raw = (hidden.to(work) @ self.weight.to(work).T).to(exact)
        return self.form(raw if self.bias is None else raw + self.bias.to(exact))

    def chunk(self) -> int:
        """Return how many tokens are worked on at a time."""
        return max(1, LOGITS_AT_ONCE // len(self.weight))


Objective = Callable[[torch.Tensor, slice | torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""(logits of some tokens (n, vocabulary), which it may write over; which tokens, as an index) -> values (n,) and their
gradients by the logits (n, vocabulary)."""


class _Descent(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        form: HeadForm,
        objective: Objective,
        scale: torch.Tensor,
        work: torch.dtype,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        exact = torch.promote_types(torch.float32, weight.dtype)
        needs_hidden, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        rows, head = hidden.to(work), weight.to(work)
        values = torch.empty(len(hidden), dtype=exact, device=hidden.device)
        hidden_grad = torch.empty_like(hidden) if needs_hidden else None
        weight_grad = torch.zeros_like(weight) if needs_weight else None
        bias_grad = torch.zeros_like(bias) if needs_bias and bias is not None else None
        whole = Head(weight=weight, bias=bias, form=form)
        for start in range(0, len(hidden), whole.chunk()):
            part = slice(start, start + whole.chunk())
            raw = (rows[part] @ head.T).to(exact)
            if bias is not None:
                raw += bias.to(exact)
            logits = [form(raw)]
            capped = logits[0].clone() if form.cap is not None else None
            del raw
            values[part], gradient = objective(logits.pop(), part)  # who gets them alone can let them go early
            gradient *= scale[part, None].to(exact)
            gradient = form.back(gradient, capped)
            if bias_grad is not None:
                bias_grad += gradient.sum(0).to(bias_grad.dtype)
            gradient = gradient.to(work)
            if hidden_grad is not None:
                hidden_grad[part] = (gradient @ head).to(hidden.dtype)
            if weight_grad is not None:
                tall = max(1, WEIGHTS_AT_ONCE // weight.shape[1])
                for top in range(0, len(weight), tall):
                    tile = slice(top, top + tall)
                    weight_grad[tile] += (gradient[:, tile].T @ rows[part]).to(weight.dtype)
        ctx.save_for_backward(hidden_grad, weight_grad, bias_grad)
        ctx.mark_non_differentiable(values)
        return (values.double() * scale).sum(), values

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor, _values: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        # a Python float leaves the type of each gradient as it is
        factor = float(upstream)
        grads = [None if grad is None else grad if factor == 1.0 else grad * factor for grad in ctx.saved_tensors]
        return (*grads, None, None, None, None)


def descend(
    hidden: torch.Tensor, head: Head, objective: Objective, scale: torch.Tensor, work: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (sum of scale * value as a float64 scalar with graph, values (tokens,) without graph).

    `hidden`: (tokens, hidden); `scale`: (tokens,), of any sign. Matrix products run in `work`, everything else in fp32
    or better, over chunks of at most `LOGITS_AT_ONCE` logits.
    """
    total, values = _Descent.apply(  # type: ignore[no-untyped-call]
        hidden, head.weight, head.bias, head.form, objective, scale, work
    )
    return total, values


def log_probabilities(hidden: torch.Tensor, head: Head, ids: torch.Tensor, work: torch.dtype) -> torch.Tensor:
    """Return log q of given tokens, without graph: `ids` (tokens,) or (tokens, k), and the result like it."""
    exact = torch.promote_types(torch.float32, head.weight.dtype)
    found = torch.empty(ids.shape, dtype=exact, device=hidden.device)
    wanted = ids if ids.ndim == 2 else ids[:, None]
    with torch.no_grad():
        for start in range(0, len(hidden), head.chunk()):
            part = slice(start, start + head.chunk())
            logits = head.logits(hidden[part], work)
            chosen = logits.gather(1, wanted[part]) - logits.logsumexp(1, keepdim=True)
            found[part] = chosen if ids.ndim == 2 else chosen[:, 0]
    return found
