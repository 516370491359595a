"""Key-value caches of transformers: rows of different lengths side by side, and room ahead for what is written next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import pad
from transformers.cache_utils import (
    DummyLayer,
    DynamicCache,
    DynamicLayer,
    DynamicSlidingWindowLayer,
    LinearAttentionAndFullAttentionLayer,
    LinearAttentionAndSlidingWindowAttentionLayer,
    LinearAttentionLayer,
)

AHEAD = 128
"""Columns of room; when they are used up, one copy makes as many again."""
_ATTENTION = (DynamicLayer, DynamicSlidingWindowLayer)
_STATES = (
    LinearAttentionLayer, LinearAttentionAndFullAttentionLayer, LinearAttentionAndSlidingWindowAttentionLayer,
)  # fmt: skip


class RoomyLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """The cache of one layer: a step writes its column in place and copies nothing that was there before.

    `keys` and `values` are views of what is written: (rows, heads, tokens, width).
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lazy_initialization(keys, values)
        self._keys, self._values = _with_room(keys), _with_room(values)
        self._show(keys.shape[-2])

    def _show(self, used: int) -> tuple[torch.Tensor, torch.Tensor]:
        shown = self._keys[:, :, :used], self._values[:, :, :used]
        self.keys, self.values = shown
        return shown

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        *args: Any,  # noqa: ANN401 - as transformers has it
        **kwargs: Any,  # noqa: ANN401
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the new columns and return all: the contract of `DynamicLayer.update`."""
        del args, kwargs
        used = self.get_seq_length()
        end = used + key_states.shape[-2]
        if end > self._keys.shape[-2]:
            self._keys, self._values = (_with_room(kept[:, :, :used]) for kept in (self._keys, self._values))
        self._keys[:, :, used:end], self._values[:, :, used:end] = key_states, value_states
        return self._show(end)

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Take these rows, each as often as it is named."""
        self._keys, self._values = self._keys[beam_idx], self._values[beam_idx]
        self._show(self.get_seq_length())


def with_room(cache: Any) -> Any:  # noqa: ANN401 - a cache of transformers
    """Give room to the layers that keep every token as it is; sliding windows and the like stay as they are."""
    for number, layer in enumerate(getattr(cache, "layers", ())):
        if type(layer) is DynamicLayer and layer.keys is not None and layer.values is not None:
            cache.layers[number] = RoomyLayer(layer.keys, layer.values)
    return cache


def movable(cache: Any) -> bool:  # noqa: ANN401 - a cache of transformers, or None
    """Return whether rows may be dropped and taken twice; a model's own kind of cache keeps more than its layers."""
    return cache is None or type(cache) is DynamicCache


def continues(cache: Any) -> bool:  # noqa: ANN401
    """Return whether a prompt may be read in two pieces: keys and values alone say all about the first."""
    return _made_of(cache, (*_ATTENTION, DummyLayer))


def separate(cache: Any) -> bool:  # noqa: ANN401
    """Return whether each token is kept by itself, all of them: what follows a row changes nothing before it."""
    return _made_of(cache, (DynamicLayer, DummyLayer))


def shifted(cache: Any, missing: Sequence[int]) -> Any:  # noqa: ANN401 - a cache of transformers
    """Move the last `missing[row]` columns of each row, which hold no token of it, before all others."""
    for layer in cache.layers:
        if isinstance(layer, DynamicLayer) and layer.keys is not None and layer.values is not None:
            for kept in (layer.keys, layer.values):
                for row, columns in enumerate(missing):
                    if columns:
                        kept[row] = kept[row].roll(columns, dims=-2)
    return cache


def mergeable(cache: Any) -> bool:  # noqa: ANN401
    """Return whether `merged` knows every layer of a cache."""
    return _made_of(cache, (*_ATTENTION, *_STATES, DummyLayer))


def _made_of(cache: Any, kinds: tuple[type, ...]) -> bool:  # noqa: ANN401
    return type(cache) is DynamicCache and bool(cache.layers) and all(type(layer) in kinds for layer in cache.layers)


def merged(caches: Sequence[Any]) -> Any:  # noqa: ANN401 - caches of transformers
    """Return the rows of several caches in one, the last of them with the most tokens; all must be `mergeable`.

    What a row lacks in columns stands before its own, so that the distance of two of its tokens is that of their
    columns, as sliding windows and position biases count it. States without columns stand one after the other.
    """
    whole = caches[-1]
    for number, layer in enumerate(whole.layers):
        layers = [cache.layers[number] for cache in caches]
        if isinstance(layer, DynamicLayer) and layer.keys is not None:
            layer.keys = _side_by_side([one.keys for one in layers])
            layer.values = _side_by_side([one.values for one in layers])
            for one in layers[:-1]:
                one.keys = one.values = None  # or the memory would hold all rows twice
        if isinstance(layer, LinearAttentionLayer):
            for states in ("conv_states", "recurrent_states"):
                kept = getattr(layer, states)
                for key in kept:
                    if kept[key] is not None:
                        kept[key] = torch.cat([getattr(one, states)[key] for one in layers])
    return whole


def _side_by_side(kept: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return (rows, heads, tokens, width) of all, right-aligned in their tokens."""
    tokens = kept[-1].shape[-2]
    return torch.cat([pad(one, (0, 0, tokens - one.shape[-2], 0)) for one in kept])


def _with_room(kept: torch.Tensor) -> torch.Tensor:
    rows, heads, used, width = kept.shape
    made = kept.new_empty(rows, heads, used + AHEAD, width)
    made[:, :, :used] = kept
    return made
