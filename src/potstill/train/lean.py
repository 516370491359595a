"""Layers of the Llama kind that keep less of a forward pass for its backward pass, under bf16 autocast.

A norm's output is read by several matrices, and autocast makes a bf16 copy for each of them; autograd keeps the norm's
intermediate values beside. Here a norm gives bf16 once and keeps its input alone, and a gated feed-forward part keeps
no more than its two products; queries and keys are turned in bf16 at once: of a token and a layer 12 H + 6 F bytes
instead of 26 H + 8 F, for a width of H and a feed-forward part of F (attention apart). What comes out is the same to
the bit, which is tried before it is used; gradients are rounded once more, where the matrices' shares of a norm's
gradient are added in bf16.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import FunctionType, MethodType
from typing import Any

import torch
from torch.autograd.function import FunctionCtx, once_differentiable

from potstill.train.fitness import body_of

NORMS = frozenset({"input_layernorm", "post_attention_layernorm"})
"""The norms of a layer, where they stand in front of its two halves and nowhere else."""
TURN = "apply_rotary_pos_emb"
"""What transformers calls the function that turns queries and keys by their positions."""
TRIED = 24
"""Tokens of the made-up row that a model is tried on."""


class _Norm(torch.autograd.Function):
    """A root mean square norm (arXiv 1910.07467) in the type of the products that read it."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, entered: torch.Tensor, weight: torch.Tensor, epsilon: float, kind: torch.dtype
    ) -> torch.Tensor:
        """Return weight * x / sqrt(mean(x^2) + epsilon) for x of shape (..., width)."""
        scale = torch.rsqrt(entered.pow(2).mean(-1, keepdim=True) + epsilon)
        ctx.save_for_backward(entered, weight, scale)
        return (weight * (entered * scale)).to(kind)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        """Return the gradients of x and of the weight."""
        entered, weight, scale = ctx.saved_tensors
        normal = entered * scale
        # its own memory, to be written over
        gradient = given.to(entered.dtype, copy=True)
        by_weight = None
        if ctx.needs_input_grad[1]:
            by_weight = (gradient * normal).flatten(0, -2).sum(0)
        gradient.mul_(weight)
        along = (gradient * normal).mean(-1, keepdim=True)
        return gradient.sub_(normal.mul_(along)).mul_(scale), by_weight, None, None


class _Gated(torch.autograd.Function):
    """silu(gate) * up, of which the gate and the other half are kept."""

    @staticmethod
    def forward(ctx: FunctionCtx, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        """Return the product, of the shape of both."""
        ctx.save_for_backward(gate, up)
        return torch.nn.functional.silu(gate).mul_(up)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: ANN401
        """Return the gradients of both."""
        gate, up = ctx.saved_tensors
        by_up = torch.nn.functional.silu(gate).mul_(given)
        return torch.ops.aten.silu_backward(given * up, gate), by_up


class _Turned(torch.autograd.Function):
    """Queries or keys turned by their positions (rotary embedding, arXiv 2104.09864) in their own type at once."""

    @staticmethod
    def forward(ctx: FunctionCtx, states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        """Return x cos + (-x2, x1) sin of the halves x1 and x2 of each head, of the shape and type of x."""
        ctx.save_for_backward(cos, sin)
        half = states.shape[-1] // 2
        turned = states * cos
        turned[..., :half].sub_(states[..., half:] * sin[..., :half])
        turned[..., half:].add_(states[..., :half] * sin[..., half:])
        return turned.to(states.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: torch.Tensor) -> tuple[torch.Tensor, None, None]:  # noqa: ANN401
        """Return the gradient turned back."""
        cos, sin = ctx.saved_tensors
        half = given.shape[-1] // 2
        across = given * sin
        back = given * cos
        back[..., :half].add_(across[..., half:])
        back[..., half:].sub_(across[..., :half])
        return back.to(given.dtype), None, None


def settle(model: Any) -> bool:  # noqa: ANN401 - a Hugging Face model
    """Let a model's layers keep less where they are of that kind and what comes out stays the same; return whether."""
    changed = [module for layer in _layers(model) for module in _parts(layer)]
    if not changed:
        return False
    device = next(model.parameters()).device
    ids = torch.arange(1, TRIED + 1, device=device)[None] % model.get_input_embeddings().num_embeddings
    plain = _read(model, ids)
    for module in changed:
        module.forward = MethodType(_instead(module), module)
    if torch.equal(plain, _read(model, ids)):
        return True
    for module in changed:
        del module.forward
    return False


def _read(model: Any, ids: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    """Return a model's hidden states as training has them, dropout apart: (1, tokens, hidden)."""
    learning = model.training
    # without gradients the parts would be the plain ones both times, and nothing tried
    with torch.enable_grad(), torch.autocast(ids.device.type, dtype=torch.bfloat16):
        hidden: torch.Tensor = body_of(model.eval())(input_ids=ids, use_cache=False).last_hidden_state.detach()
    model.train(learning)
    return hidden


def _layers(model: Any) -> list[torch.nn.Module]:  # noqa: ANN401
    """Return the layers whose norms are those in front of their two halves, those of single heads apart."""
    found = []
    for layer in getattr(body_of(model), "layers", ()):
        norms = {name for name, _ in layer.named_children() if "norm" in name}
        if norms == NORMS:
            found.append(layer)
    return found


def _parts(layer: Any) -> list[torch.nn.Module]:  # noqa: ANN401
    """Return the norms and the gated part of a layer, as far as they are plain ones."""
    norms = [getattr(layer, name) for name in sorted(NORMS)]
    gated, attention = getattr(layer, "mlp", None), getattr(layer, "self_attn", None)
    found = [part for part in norms if _is_norm(part)]
    return found + ([gated] if _is_gated(gated) else []) + ([attention] if _turns(attention) else [])


def _instead(module: Any) -> Callable[..., Any]:  # noqa: ANN401
    """Return the function that is a part's `forward` from now on."""
    if _is_norm(module):
        return _normed
    if _is_gated(module):
        return _fed
    own = type(module).forward
    # the same code, with another function under the name by which it turns queries and keys
    names = {**own.__globals__, TURN: partial(_turn, own.__globals__[TURN])}
    return FunctionType(own.__code__, names, own.__name__, own.__defaults__, own.__closure__)


def _is_norm(module: Any) -> bool:  # noqa: ANN401
    return hasattr(module, "variance_epsilon") and [name for name, _ in module.named_parameters()] == ["weight"]


def _is_gated(module: Any) -> bool:  # noqa: ANN401
    parts = ("gate_proj", "up_proj", "down_proj")
    act = getattr(module, "act_fn", None)
    return all(hasattr(module, name) for name in parts) and type(act).__name__ in ("SiLU", "SiLUActivation")


def _turns(module: Any) -> bool:  # noqa: ANN401
    own = getattr(type(module), "forward", None)
    return isinstance(own, FunctionType) and TURN in own.__code__.co_names and own.__kwdefaults__ is None


def _applies(entered: torch.Tensor) -> bool:
    device = entered.device.type
    return torch.is_grad_enabled() and torch.is_autocast_enabled(device) and entered.dtype == torch.float32


def _normed(self: Any, hidden_states: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    if not _applies(hidden_states):
        return type(self).forward(self, hidden_states)  # type: ignore[no-any-return]
    kind = torch.get_autocast_dtype(hidden_states.device.type)
    return _Norm.apply(hidden_states, self.weight, self.variance_epsilon, kind)  # type: ignore[no-any-return, no-untyped-call]


def _turn(
    plain: Callable[..., tuple[torch.Tensor, torch.Tensor]], q: torch.Tensor, k: torch.Tensor, cos: torch.Tensor,
    sin: torch.Tensor, *rest: Any, **named: Any,  # noqa: ANN401
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """Turn (rows, heads, tokens, width) of queries and keys, all by the model's own function where it is not that."""
    kind = torch.get_autocast_dtype(q.device.type) if torch.is_autocast_enabled(q.device.type) else None
    same = q.shape[-1] == k.shape[-1] == cos.shape[-1] and cos.ndim == q.ndim - 1
    if rest or named or not same or not torch.is_grad_enabled() or not q.dtype == k.dtype == kind:
        return plain(q, k, cos, sin, *rest, **named)
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    return _Turned.apply(q, cos, sin), _Turned.apply(k, cos, sin)  # type: ignore[no-untyped-call]


def _fed(self: Any, x: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    if not torch.is_grad_enabled():
        return type(self).forward(self, x)  # type: ignore[no-any-return]
    return self.down_proj(_Gated.apply(self.gate_proj(x), self.up_proj(x)))  # type: ignore[no-any-return, no-untyped-call]
