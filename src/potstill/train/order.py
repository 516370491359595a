"""Which rows each optimiser step sees: a function of (seed, epoch) alone, known whole before training starts.

A resumed run therefore sees exactly the remaining steps, and a step's loss denominators can be had before its first
backward pass.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from potstill import recipe
from potstill.errors import StudentError

MOST_ROWS = 50_000_000
"""Rows that a plan may have, each time counted; it is held in memory."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Optimiser steps as tuples of row indices, longest row first; `tokens[i]` counts the tokens of step i's rows."""

    steps: tuple[tuple[int, ...], ...]
    tokens: tuple[int, ...]

    @property
    def rows(self) -> int:
        """Rows seen, counting each time."""
        return sum(map(len, self.steps))

    @property
    def total_tokens(self) -> int:
        """Tokens seen, prompts included."""
        return sum(self.tokens)


def plan(
    lengths: Sequence[int], train: recipe.Train, seed: int, shuffle: bool = True,
    spend: tuple[Sequence[int], int] | None = None,
) -> Plan:  # fmt: skip
    """Return the optimiser steps over rows of `lengths` tokens within the budget of `train`.

    `spend` is another budget in its place: what each row costs, and how much may be spent.

    Epochs follow each other without gap: a step may end one epoch and begin the next, and only the very last step can
    be smaller than `train.batch`. `epochs` may be a fraction; `tokens` stops with the row that reaches it. Without
    `shuffle` the first epoch keeps the given order (a curriculum); every later one is a seeded permutation.
    """
    if not lengths:
        raise StudentError("no rows to train on: every example was dropped")
    if spend is None and train.tokens is not None:
        spend = lengths, train.tokens
    if sum(budget is not None for budget in (train.epochs, train.steps, spend)) != 1:
        raise StudentError("train: give exactly one of epochs, steps and tokens")
    wanted = _rows(lengths, train)
    if wanted > MOST_ROWS:
        budget = next(name for name in ("epochs", "steps", "tokens") if getattr(train, name) is not None)
        raise StudentError(
            f"train.{budget}: {getattr(train, budget):,} are {wanted:,.0f} rows one after the other, and a plan has at "
            f"most {MOST_ROWS:,}: lower it"
        )
    stream = _stream(len(lengths), seed, shuffle)
    chosen: list[int] = []
    if spend is not None:
        costs, left = spend
        while left > 0:
            chosen.append(next(stream))
            left -= costs[chosen[-1]]
    else:
        chosen = [next(stream) for _ in range(max(1, round(wanted)))]
    cut = [chosen[start : start + train.batch] for start in range(0, len(chosen), train.batch)]
    steps = tuple(tuple(sorted(step, key=lambda row: (-lengths[row], row))) for step in cut)
    return Plan(steps, tuple(sum(lengths[row] for row in step) for step in steps))


def _rows(lengths: Sequence[int], train: recipe.Train) -> float:
    """Return how many rows the budget of `train` is, each time counted; about so many for a budget of tokens."""
    if train.tokens is not None:
        return train.tokens / sum(lengths) * len(lengths)
    return train.steps * train.batch if train.steps is not None else (train.epochs or 0) * len(lengths)


def _stream(count: int, seed: int, shuffle: bool) -> Iterator[int]:
    """Yield row indices, epoch after epoch, for ever."""
    epoch = 0
    while True:
        order = list(range(count))
        if shuffle or epoch:
            random.Random(f"order {seed} {epoch}").shuffle(order)
        yield from order
        epoch += 1


def micro_batches(step: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Cut one optimiser step into forward passes of at most `size` rows; rows of like length stay together."""
    return [tuple(step[start : start + size]) for start in range(0, len(step), size)]
