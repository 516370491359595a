"""Causal attention of one long row on CPUs whose backward pass gives every thread as much to do.

torch's kernel deals whole heads to threads: nine heads on two threads take as long as ten. The heads that are left
over when each thread has as many as the others are cut here. With the log of each query's sum of weights at hand, what
a block of queries and a block of keys do to the gradients does not depend on the other blocks, and shares are added:
blocks on the diagonal, all of one size, and those below it, cut into halves of queries. Keys and values that several
heads share are kept once. Values are those of torch's kernel to the bit; gradients are rounded in other places.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "even_sdpa"
"""The name of this attention in transformers' table."""
SHORTEST = 1024
"""Tokens of a row from which on cutting pays: below, calls cost more than the idle thread."""

_read = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_back = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def register() -> str:
    """Put this attention into transformers' tables, with the masks of `sdpa`, and return its name there."""
    ALL_ATTENTION_FUNCTIONS.register(NAME, attend)
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
    return NAME


def attend(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: torch.Tensor | None,  # noqa: ANN401
    **given: Any,  # noqa: ANN401
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """Attend as `sdpa` does; (1, heads, tokens, width) of queries that leave heads over, by the cut backward pass."""
    if attention_mask is None and _applies(module, query, key, value, given):
        out = _Even.apply(query, key, value, given.get("scaling"))  # type: ignore[no-untyped-call]
        return out.transpose(1, 2).contiguous(), None
    found: tuple[torch.Tensor, None] = ALL_ATTENTION_FUNCTIONS["sdpa"](
        module, query, key, value, attention_mask, **given
    )
    return found


def _applies(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, given: dict[str, Any]) -> bool:  # noqa: ANN401
    causal = given.get("is_causal")
    rows, heads, tokens, width = query.shape
    return bool(
        query.device.type == "cpu"
        and torch.is_grad_enabled()
        and rows == 1
        and tokens >= SHORTEST
        and tokens == key.shape[2]
        and heads % torch.get_num_threads()
        and heads % key.shape[1] == 0
        and width == value.shape[-1]
        and query.dtype == key.dtype == value.dtype
        and not given.get("dropout")
        and not any(given.get(name) is not None for name in ("softcap", "position_bias", "cache", "s_aux"))
        and (getattr(module, "is_causal", True) if causal is None else causal)
    )


class _Even(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None) -> Any:  # noqa: ANN401
        """Return what each token gathers, of the shape of the queries; keys and values may have fewer heads."""
        times = query.shape[1] // key.shape[1]
        out, sums = _read(query, _spread(key, times), _spread(value, times), 0.0, True, scale=scale)
        ctx.save_for_backward(query, key, value, out, sums)
        ctx.scale = scale
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        """Return the gradients of queries, keys and values."""
        query, key, value, out, sums = ctx.saved_tensors
        times, threads = query.shape[1] // key.shape[1], torch.get_num_threads()
        all_heads = (given, query, _spread(key, times), _spread(value, times), out, sums)
        whole = query.shape[1] - query.shape[1] % threads
        parts = [cut(*(each[:, whole:] for each in all_heads), threads=threads, scale=ctx.scale)]
        if whole:
            parts.insert(0, _back(*(each[:, :whole] for each in all_heads), 0.0, True, scale=ctx.scale))
        by_query, by_key, by_value = (torch.cat(each, 1) for each in zip(*parts, strict=True))
        return by_query, _gathered(by_key, times), _gathered(by_value, times), None


def cut(
    given: torch.Tensor, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, out: torch.Tensor,
    sums: torch.Tensor, *, threads: int, scale: float | None = None,
) -> tuple[torch.Tensor, ...]:  # fmt: skip
    """Return the gradients of queries, keys and values of (1, heads, tokens, width), in blocks that threads share.

    Tokens are cut into as many blocks as there are threads, of an even number each; the few behind them stand alone.
    """
    tokens = query.shape[2]
    size = tokens // (2 * threads) * 2
    found = [torch.zeros_like(each, dtype=torch.float32) for each in (query, key, value)]

    def add(asking: list[slice], asked: list[slice], *, causal: bool) -> None:
        """Add what blocks of queries and the blocks of keys beside them do, all pairs of one shape in one call."""
        parts = [
            torch.cat([each[:, :, place] for place in places], 1)
            for each, places in zip(
                (given, query, key, value, out, sums), (asking, asking, asked, asked, asking, asking), strict=True
            )
        ]
        shares = _back(*parts, 0.0, causal, scale=scale)
        for whole, share, places in zip(found, shares, (asking, asked, asked), strict=True):
            for place, part in zip(places, share.chunk(len(places), 1), strict=True):
                whole[:, :, place] += part

    blocks = [slice(start * size, (start + 1) * size) for start in range(threads)]
    add(blocks, blocks, causal=True)
    halves = [
        (slice(start, start + size // 2), before)
        for number, block in enumerate(blocks)
        for before in blocks[:number]
        for start in (block.start, block.start + size // 2)
    ]
    if halves:
        add([half for half, _ in halves], [before for _, before in halves], causal=False)
    if (done := threads * size) < tokens:
        rest = slice(done, tokens)
        add([rest], [slice(0, done)], causal=False)
        add([rest], [rest], causal=True)
    return tuple(each.to(query.dtype) for each in found)


def _spread(states: torch.Tensor, times: int) -> torch.Tensor:
    """Return (rows, heads, tokens, width) with each head so many times one behind the other."""
    return states if times == 1 else states.repeat_interleave(times, 1)


def _gathered(gradient: torch.Tensor, times: int) -> torch.Tensor:
    """Return the sums over the heads that share keys and values."""
    return gradient if times == 1 else gradient.unflatten(1, (-1, times)).sum(2)  # type: ignore[no-untyped-call]
