"""Wilson's interval for a share, with the standard library alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95% interval."""

    value: float
    low: float
    high: float


def wilson(value: float, size: float) -> Interval:
    """Return Wilson's 95% score interval for a share `value` observed `size` times (Wilson 1927); size may be real."""
    if size <= 0:
        return Interval(math.nan, 0.0, 1.0)
    spread = Z * math.sqrt(value * (1 - value) / size + Z * Z / (4 * size * size))
    scale = 1 + Z * Z / size
    centre = value + Z * Z / (2 * size)
    return Interval(
        value, max(0.0, min(value, (centre - spread) / scale)), min(1.0, max(value, (centre + spread) / scale))
    )
