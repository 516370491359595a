"""How far two people agree: Cohen's kappa. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two labellers of the same `number` of things: the share that they label alike, and Cohen's kappa.

    `kappa` is None where it is not defined: nothing in common, or one label throughout.
    """

    number: int
    alike: float
    kappa: float | None


def cohen(pairs: Sequence[tuple[Hashable, Hashable]]) -> Agreement:
    """Return the agreement of (one's label, the other's label) of the same things.

    Cohen 1960: kappa = (observed - expected) / (1 - expected), expected from each one's own shares of labels.
    """
    if not pairs:
        return Agreement(0, 0.0, None)
    number = len(pairs)
    observed = sum(one == other for one, other in pairs) / number
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    expected = sum(ones[label] * others[label] for label in ones) / number**2
    return Agreement(number, observed, None if expected == 1 else (observed - expected) / (1 - expected))
