"""Which rows each optimiser step sees: a function of (seed, epoch) alone, known whole before training starts.

A resumed run therefore sees exactly the remaining steps, and a step's loss denominators can be had before its first
backward pass.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, overload

from potstill import recipe
from potstill.damage import digest
from potstill.errors import StudentError
from potstill.records import content_key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_ROWS = 50_000_000
"""Rows that a plan may have, each time counted; it is held in memory."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of all optimiser steps one behind the other, `batch` a step, the longest of a step first.

    `tokens[i]` counts the tokens of step i's rows, `longest` those of the longest row of all.
    """

    order: array[int]
    batch: int
    tokens: array[int]
    longest: int

    @property
    def steps(self) -> Steps:
        """The optimiser steps as tuples of row indices."""
        return Steps(self.order, self.batch)

    @property
    def rows(self) -> int:
        """Rows seen, counting each time."""
        return len(self.order)

    @property
    def total_tokens(self) -> int:
        """Tokens seen, prompts included."""
        return sum(self.tokens)

    def first(self, steps: int) -> Plan:
        """Return the plan of the first `steps` steps."""
        order = self.order[: steps * self.batch]
        return Plan(order, self.batch, self.tokens[:steps], self.longest)

    @property
    def key(self) -> str:
        """Key of the order and of how it is cut."""
        return content_key(digest(self.order.tobytes()), self.batch)


@dataclass(frozen=True, slots=True)
class Steps(Sequence[tuple[int, ...]]):
    """The order of a plan, cut into steps; a step is made when it is asked for."""

    order: array[int]
    batch: int

    def __len__(self) -> int:
        return (len(self.order) + self.batch - 1) // self.batch

    @overload
    def __getitem__(self, index: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> Steps: ...
    def __getitem__(self, index: int | slice) -> tuple[int, ...] | Steps:
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            return Steps(self.order[start * self.batch : stop * self.batch], self.batch)
        start = range(len(self))[index] * self.batch
        return tuple(self.order[start : start + self.batch])


def plan(
    lengths: Sequence[int] | NDArray[np.int64], train: recipe.Train, seed: int, shuffle: bool = True,
    spend: tuple[Callable[[int], int], int] | None = None, among: Sequence[int] | NDArray[np.int64] | None = None,
) -> Plan:  # fmt: skip
    """Return the optimiser steps over rows of `lengths` tokens within the budget of `train`.

    `spend` is another budget in its place: what the row of an index costs, and how much may be spent. `among` are the
    rows that are trained on, None for all: they are ordered as if there were no others.

    Epochs follow each other without gap: a step may end one epoch and begin the next, and only the very last step can
    be smaller than `train.batch`. `epochs` may be a fraction; `tokens` stops with the row that reaches it. Without
    `shuffle` the first epoch keeps the given order (a curriculum); every later one is a seeded permutation.
    """
    sizes, used = array("q", lengths), array("q", range(len(lengths)) if among is None else among)
    if not used:
        raise StudentError("no rows to train on: every example was dropped")
    if spend is None and train.tokens is not None:
        spend = sizes.__getitem__, train.tokens
    if sum(budget is not None for budget in (train.epochs, train.steps, spend)) != 1:
        raise StudentError("train: give exactly one of epochs, steps and tokens")
    wanted = _rows(array("q", (sizes[row] for row in used)), train)
    if wanted > MOST_ROWS:
        budget = next(name for name in ("epochs", "steps", "tokens") if getattr(train, name) is not None)
        raise StudentError(
            f"train.{budget}: {getattr(train, budget):,} are {wanted:,.0f} rows one after the other, and a plan has at "
            f"most {MOST_ROWS:,}: lower it"
        )
    rows = stream(used, seed, shuffle)
    order, tokens, longest = array("q"), array("q"), 0
    if spend is not None:
        cost, left = spend
        while left > 0:
            order.append(next(rows))
            left -= cost(order[-1])
    else:
        order.extend(islice(rows, max(1, round(wanted))))
    for start in range(0, len(order), train.batch):
        step = sorted(order[start : start + train.batch], key=lambda row: (-sizes[row], row))
        order[start : start + train.batch] = array("q", step)
        tokens.append(sum(sizes[row] for row in step))
        longest = max(longest, sizes[step[0]])
    return Plan(order, train.batch, tokens, longest)


def _rows(lengths: Sequence[int], train: recipe.Train) -> float:
    """Return how many rows the budget of `train` is, each time counted; about so many for a budget of tokens."""
    if train.tokens is not None:
        return train.tokens / sum(lengths) * len(lengths)
    return train.steps * train.batch if train.steps is not None else recipe.number(train.epochs or 0.0) * len(lengths)


def stream(numbers: Sequence[int], seed: int, shuffle: bool) -> Iterator[int]:
    """Yield the numbers, epoch after epoch, for ever; without `shuffle` the first epoch in their order."""
    epoch = 0
    while True:
        order = array("q", numbers)
        if shuffle or epoch:
            random.Random(f"order {seed} {epoch}").shuffle(order)
        yield from order
        epoch += 1


def micro_batches(step: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Cut one optimiser step into forward passes of at most `size` rows; rows of like length stay together."""
    return [tuple(step[start : start + size]) for start in range(0, len(step), size)]


def packs(step: Sequence[int], lengths: Mapping[int, int] | Sequence[int], most: int) -> list[tuple[int, ...]]:
    """Cut rows in their order into forward passes of at most `most` tokens; one longer row goes alone.

    `lengths[row]` are a row's tokens. It counts as if it were as long as the longest beside it, as attention pads it;
    so rows of like length are best given together.
    """
    found, longest = list[list[int]](), 0
    for row in step:
        longest = max(longest, lengths[row])
        if not found or (len(found[-1]) + 1) * longest > most:
            found.append([])
            longest = lengths[row]
        found[-1].append(row)
    return [tuple(pack) for pack in found]
