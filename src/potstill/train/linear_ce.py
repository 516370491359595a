"""Cross-entropy of a linear output head without ever holding tokens x vocabulary logits.

For logits z = h W' + b, l = logsumexp(z) - z[y] and L = sum of k_t l_t the gradient by z is
k_t (softmax(z) - onehot(y)), so one pass over chunks of tokens gives the loss and the gradients of h, W and b. Because
the coefficients k_t are known before, the gradients are made in the forward pass: no logits are kept or computed twice.
"""

from __future__ import annotations

from typing import Any

import torch


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        targets: torch.Tensor,
        scale: torch.Tensor,
        work: torch.dtype,
        logits_at_once: int,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        exact = torch.promote_types(torch.float32, weight.dtype)
        needs_hidden, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        rows, head = hidden.to(work), weight.to(work)
        losses = torch.empty(len(targets), dtype=exact, device=hidden.device)
        hidden_grad = torch.empty_like(hidden) if needs_hidden else None
        weight_grad = torch.zeros_like(weight) if needs_weight else None
        bias_grad = torch.zeros_like(bias) if needs_bias and bias is not None else None
        chunk = max(1, logits_at_once // len(weight))
        for start in range(0, len(targets), chunk):
            part = slice(start, start + chunk)
            logits = (rows[part] @ head.T).to(exact)
            if bias is not None:
                logits += bias.to(exact)
            wanted = targets[part, None]
            logits = logits.log_softmax(1)
            losses[part] = -logits.gather(1, wanted)[:, 0]
            gradient = logits.exp_()
            gradient.scatter_add_(1, wanted, -torch.ones_like(wanted, dtype=exact))
            gradient *= scale[part, None].to(exact)
            if bias_grad is not None:
                bias_grad += gradient.sum(0).to(bias_grad.dtype)
            gradient = gradient.to(work)
            if hidden_grad is not None:
                hidden_grad[part] = (gradient @ head).to(hidden.dtype)
            if weight_grad is not None:
                weight_grad += (gradient.T @ rows[part]).to(weight.dtype)
        ctx.save_for_backward(hidden_grad, weight_grad, bias_grad)
        ctx.mark_non_differentiable(losses)
        return (losses.double() * scale).sum(), losses

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor, _losses: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        # a Python float leaves the type of each gradient as it is
        factor = float(upstream)
        grads = [None if grad is None else grad if factor == 1.0 else grad * factor for grad in ctx.saved_tensors]
        return (*grads, None, None, None, None)


def linear_cross_entropy(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    targets: torch.Tensor,
    scale: torch.Tensor,
    work: torch.dtype,
    logits_at_once: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (sum of scale * l as a float64 scalar with graph, l: (tokens,) without graph).

    `hidden`: (tokens, hidden_size); `weight`: (vocabulary, hidden_size); `targets`, `scale`: (tokens,). Matrix products
    run in `work`, the softmax in fp32 or better, over chunks of at most `logits_at_once` logits.
    """
    total, losses = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden, weight, bias, targets, scale, work, logits_at_once
    )
    return total, losses
