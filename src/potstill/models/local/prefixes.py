"""What rows remember on a CPU: each prompt once, however many rows follow it, and behind it what a row wrote.

torch's attention is made for many tokens that ask. Here one of each row does, and all rows of a prompt ask it in one
product; scores of the prompt and of what the row wrote go through one softmax. Keys and values of heads that share them
are kept once. A step writes its column in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from transformers.cache_utils import DynamicLayer
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from potstill.models.local.cache import AHEAD

NAME = "prefixes"
"""The name of this attention in transformers' table. In that of masks it is not, so that none is made."""
_OTHERWISE = ("softcap", "position_bias", "s_aux", "sliding_window")
"""What some models ask of attention beyond weights by products and their softmax."""


class PrefixLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """The cache of one layer. `prompts` and `written` are its keys and values: (heads, prompts or rows, tokens, width).

    Only the first `used` columns of `written` are.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, rows: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lazy_initialization(keys, values)
        device = keys.device.type  # what autocast would make of all of it at every step
        kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else keys.dtype
        self.prompts = [kept.to(kind).transpose(0, 1).contiguous() for kept in (keys, values)]
        self.written = [kept.new_empty(len(kept), rows, AHEAD, kept.shape[-1]) for kept in self.prompts]
        self.used = 0

    def get_seq_length(self) -> int:
        """Return the columns of a row, its prompt's included."""
        return self.prompts[0].shape[2] + self.used

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any  # noqa: ANN401
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Write the column of one token a row, and give it back: `attend` takes all from here."""
        del args, kwargs
        if self.used == self.written[0].shape[2]:
            self.written = [torch.nn.functional.pad(kept, (0, 0, 0, AHEAD)) for kept in self.written]
        for kept, states in zip(self.written, (key_states, value_states), strict=True):
            kept[:, :, self.used] = states[:, :, 0].transpose(0, 1)
        self.used += 1
        return key_states, value_states

    def keep(self, rows: torch.Tensor, prompts: torch.Tensor | None) -> None:
        """Drop all rows but these, and all prompts but these if any go."""
        if prompts is not None:
            self.prompts = [kept.index_select(1, prompts) for kept in self.prompts]
        for number, kept in enumerate(self.written):
            self.written[number] = kept.new_empty(len(kept), len(rows), *kept.shape[2:])
            self.written[number][:, :, : self.used] = kept[:, :, : self.used].index_select(1, rows)


class Prefixes:
    """The cache of rows that follow prompts: `cache` as the model takes it, `of` the prompt of each row: (rows,).

    `mask`: (prompts, columns), 0 before a prompt's first token.
    """

    def __init__(self, cache: Any, of: torch.Tensor, mask: torch.Tensor) -> None:  # noqa: ANN401 - of transformers
        cache.layers = [
            PrefixLayer(layer.keys, layer.values, len(of)) if layer.keys is not None else layer
            for layer in cache.layers
        ]
        self.cache = cache
        kind = next(layer for layer in cache.layers if isinstance(layer, PrefixLayer)).prompts[0].dtype
        shut = torch.zeros(mask.shape, dtype=kind, device=mask.device).masked_fill_(mask == 0, float("-inf"))
        self._shut = None if mask.all() else shut[:, None]
        self._place(of)

    def _place(self, of: torch.Tensor) -> None:
        """Give each row a place in a grid of prompts x as many rows as the prompt with the most has."""
        counts = of.bincount()
        order = of.argsort(stable=True)
        begins = counts.cumsum(0) - counts
        self.of, self._prompts, self._most = of, len(counts), int(counts.max())
        places = torch.empty_like(of)
        places[order] = torch.arange(len(of), device=of.device) - begins[of[order]]
        places += of * self._most
        # in order and without a gap, rows are their own grid
        plain = len(of) == self._prompts * self._most and bool((places[1:] > places[:-1]).all())
        self._places = None if plain else places

    def keep(self, rows: torch.Tensor) -> None:
        """Drop all rows but these."""
        left, of = torch.unique(self.of[rows], return_inverse=True)
        gone = len(left) < self._prompts
        for layer in self.cache.layers:
            if isinstance(layer, PrefixLayer):
                layer.keep(rows, left if gone else None)
        if gone and self._shut is not None:
            self._shut = self._shut[left]
        self._place(of)

    def attended(self, asked: torch.Tensor, layer: PrefixLayer) -> torch.Tensor:
        """Return what tokens gather that ask with (heads, rows, times, width), scaled: the same with values' width."""
        (keys, values), (own_keys, own_values) = layer.prompts, layer.written
        used, columns = layer.used, keys.shape[2]
        far = self._grid(asked) @ keys.transpose(2, 3)
        if self._shut is not None:
            far += self._shut
        near = asked @ own_keys[:, :, :used].transpose(2, 3)
        shares = torch.cat([self._rows(far, asked), near], -1).softmax(-1)
        far = self._rows(self._grid(shares[..., :columns]) @ values, asked)
        return far + shares[..., columns:] @ own_values[:, :, :used]

    def _grid(self, rows: torch.Tensor) -> torch.Tensor:
        """Return (heads, prompts, rows of a prompt x times, size) of (heads, rows, times, size)."""
        if self._places is not None:
            heads, _, *rest = rows.shape
            grid = rows.new_zeros(heads, self._prompts * self._most, *rest)
            rows = grid.index_copy_(1, self._places, rows)
        return rows.reshape(len(rows), self._prompts, -1, rows.shape[-1])

    def _rows(self, grid: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """Return (heads, rows, times, size) of what `_grid` returns, for the rows and times of `like`."""
        rows = grid.view(len(grid), self._prompts * self._most, like.shape[2], -1)
        return rows if self._places is None else rows.index_select(1, self._places)


_prefixes: ContextVar[Prefixes] = ContextVar("prefixes")


@contextmanager
def following(model: Any, prefixes: Prefixes) -> Iterator[None]:  # noqa: ANN401 - a model of transformers
    """Let each row of a model's input be one token that follows its prompt, while the block lasts."""
    config = model.config.get_text_config()
    before, token = config._attn_implementation, _prefixes.set(prefixes)
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before
        _prefixes.reset(token)


def attend(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: None,  # noqa: ANN401
    scaling: float | None = None, **given: Any,  # noqa: ANN401
) -> tuple[torch.Tensor, None]:  # fmt: skip
    """Attend with one token of each row, (rows, heads, 1, width), to all that its layer remembers."""
    del value, attention_mask
    if any(given.get(name) is not None for name in _OTHERWISE):
        raise ValueError(f"this attention knows none of {', '.join(_OTHERWISE)}")
    prefixes = _prefixes.get()
    rows, heads, _, width = query.shape
    kept = key.shape[1]
    layer = prefixes.cache.layers[module.layer_idx]
    asked = query.reshape(rows, kept, heads // kept, width).transpose(0, 1).to(layer.prompts[0].dtype).contiguous()
    found = prefixes.attended(asked * (width**-0.5 if scaling is None else scaling), layer)
    return found.transpose(0, 1).reshape(rows, 1, heads, -1), None


ALL_ATTENTION_FUNCTIONS.register(NAME, attend)
