"""Planned figures: a value with an interval and what it rests on; no guess is shown as if it had been measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, overload

Basis = Literal["known", "measured", "formula", "assumed"]
BASES: tuple[Basis, ...] = ("known", "measured", "formula", "assumed")
"""From the firmest to the weakest; what is put together of several rests on the weakest of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A planned number: the likeliest value, the bounds of its interval, and what it rests on.

    `how` says where it is from in a few words, such as `train.tokens of the recipe`. Intervals of a pilot are 80%;
    those of an assumption are what has been seen elsewhere. Where figures are put together their bounds are, so an
    interval of a sum is rather too wide than too narrow.
    """

    value: float
    low: float
    high: float
    basis: Basis
    how: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.high) and self.low <= self.value <= self.high):
            raise ValueError(f"{self.low} <= {self.value} <= {self.high}")

    @property
    def exact(self) -> bool:
        """Whether the bounds say one number."""
        return self.low == self.high

    def told(self, how: str) -> Figure:
        """Return the same figure with other words for where it is from."""
        return replace(self, how=how)

    def times(self, factor: float) -> Figure:
        """Return the figure multiplied by a number that is exact and not negative."""
        return replace(self, value=self.value * factor, low=self.low * factor, high=self.high * factor)

    def at_most(self, limit: float) -> Figure:
        """Return the figure with nothing of it above `limit`."""
        return replace(self, value=min(self.value, limit), low=min(self.low, limit), high=min(self.high, limit))


def known(value: float, how: str) -> Figure:
    """Return a number that the recipe or a committed stage says."""
    return Figure(value=value, low=value, high=value, basis="known", how=how)


def formula(value: float, how: str, spread: float = 0.0) -> Figure:
    """Return a number that a formula gives, right up to a share `spread` of it."""
    return Figure(value=value, low=value * (1 - spread), high=value * (1 + spread), basis="formula", how=how)


def assumed(low: float, value: float, high: float, how: str) -> Figure:
    """Return what has been seen elsewhere."""
    return Figure(value=value, low=low, high=high, basis="assumed", how=how)


def weakest(*figures: Figure) -> Basis:
    """Return the basis of what is made of these."""
    return max((figure.basis for figure in figures), key=BASES.index, default="known")


@overload
def product(how: str, *factors: Figure) -> Figure: ...
@overload
def product(how: str, *factors: Figure | None) -> Figure | None: ...
def product(how: str, *factors: Figure | None) -> Figure | None:
    """Return the product of figures that are not negative, None where one of them is not known."""
    there = [factor for factor in factors if factor is not None]
    if len(there) < len(factors):
        return None
    value, low, high = (math.prod(getattr(one, part) for one in there) for part in ("value", "low", "high"))
    return Figure(value=value, low=low, high=high, basis=weakest(*there), how=how)


def quotient(how: str, above: Figure | None, below: Figure | None) -> Figure | None:
    """Return one figure over another that is above 0, None where one of them is not known."""
    if above is None or below is None:
        return None
    return Figure(
        value=above.value / below.value, low=above.low / below.high, high=above.high / below.low,
        basis=weakest(above, below), how=how,
    )  # fmt: skip


def total(how: str, parts: Sequence[Figure | None]) -> Figure | None:
    """Return the sum of figures, None where one of them is not known."""
    there = [part for part in parts if part is not None]
    if len(there) < len(parts) or not there:
        return None
    value, low, high = (math.fsum(getattr(one, part) for one in there) for part in ("value", "low", "high"))
    return Figure(value=value, low=low, high=high, basis=weakest(*there), how=how)


def largest(how: str, parts: Sequence[Figure | None]) -> Figure | None:
    """Return the largest of figures, None where one of them is not known."""
    there = [part for part in parts if part is not None]
    if len(there) < len(parts) or not there:
        return None
    value, low, high = (max(getattr(one, part) for one in there) for part in ("value", "low", "high"))
    return Figure(value=value, low=low, high=high, basis=weakest(*there), how=how)
