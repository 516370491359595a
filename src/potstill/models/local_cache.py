"""A key-value cache with room ahead: a step writes its column in place and copies nothing that was there before."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import DynamicLayer

AHEAD = 128
"""Columns of room; when they are used up, one copy makes as many again."""


class RoomyLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """The cache of one layer; `keys` and `values` are views of what is written: (rows, heads, tokens, width)."""

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

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep only these rows."""
        self._keys, self._values = self._keys[indices], self._values[indices]
        self._show(self.get_seq_length())


def with_room(cache: Any) -> Any:  # noqa: ANN401 - a cache of transformers
    """Give room to the layers that keep every token as it is; sliding windows and the like stay as they are."""
    for number, layer in enumerate(cache.layers):
        if type(layer) is DynamicLayer and layer.keys is not None and layer.values is not None:
            cache.layers[number] = RoomyLayer(layer.keys, layer.values)
    return cache


def _with_room(kept: torch.Tensor) -> torch.Tensor:
    rows, heads, used, width = kept.shape
    made = kept.new_empty(rows, heads, used + AHEAD, width)
    made[:, :, :used] = kept
    return made
