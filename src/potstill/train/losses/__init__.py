"""How the tokens of one optimiser step are weighed: a loss is a file of this folder and its line here.

Every loss is L = sum of k_t l_t, where the coefficient k_t of a token follows from sums over the whole step, so that
the result is exact however the step is cut up. A loss returns the coefficients. What l_t is, cross-entropy or a
divergence from a teacher, is none of its business (`divergence`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from potstill import recipe
from potstill.tables import Table
from potstill.train.render import Segment


@dataclass(frozen=True, slots=True)
class Coefficients:
    """What one unit of example weight counts for in each segment, over the sums of one optimiser step.

    `sums[c]` is the summed example weight of the step's tokens in c. `answer_ratio` is what an answer token weighs
    in reasoning tokens, before and after limits; 0 where one of the two is absent.
    """

    scale: Mapping[Segment, float]
    sums: Mapping[Segment, float]
    answer_ratio: float
    answer_ratio_used: float


LossFunction = Callable[[Mapping[Segment, float], recipe.Loss], Coefficients]
"""(summed example weight of the step's tokens by segment, the recipe's settings) -> coefficients."""
LOSSES: Table[LossFunction] = Table(
    "loss",
    "potstill.losses",
    {
        "tokens": "potstill.train.losses.tokens:tokens",
        "segments": "potstill.train.losses.segments:segments",
    },
)


def weighed(
    scale: Mapping[Segment, float], sums: Mapping[Segment, float], limited: Mapping[Segment, float] | None = None
) -> Coefficients:
    """Return the coefficients `limited`, or where nothing limits them `scale`, with the answer's ratio of both."""
    used = scale if limited is None else limited
    return Coefficients(used, sums, _ratio(scale), _ratio(used))


def _ratio(scale: Mapping[Segment, float]) -> float:
    return scale[Segment.ANSWER] / scale[Segment.REASONING] if scale[Segment.REASONING] > 0 else 0.0
