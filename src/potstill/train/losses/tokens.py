"""L = sum of w_t l_t / sum of w_t, with w = alpha on reasoning and beta on answer and format.

With alpha = beta = 1 this is ordinary fine-tuning on the whole trace: reasoning weighs by its length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from potstill import recipe
from potstill.train.losses import Coefficients, weighed
from potstill.train.render import Segment


def tokens(sums: Mapping[Segment, float], loss: recipe.Loss) -> Coefficients:
    """Return w of each segment over the sum of w in the step; 0 everywhere where that sum is 0."""
    share = {Segment.REASONING: loss.alpha, Segment.ANSWER: loss.beta, Segment.FORMAT: loss.beta}
    total = math.fsum(share[segment] * sums[segment] for segment in share)
    return weighed({segment: weight / total if total > 0 else 0.0 for segment, weight in share.items()}, sums)
