"""L = sum over c of lambda_c * (sum of w_t l_t over c) / (sum of w_t over c), for c = reasoning, answer, format.

lambda is alpha for reasoning and beta for answer and format. At equal lambdas an answer token weighs tens of times a
reasoning token, so what it may weigh at most is a setting, `ratio_cap`.
"""

from __future__ import annotations

from collections.abc import Mapping

from potstill import recipe
from potstill.train.losses import Coefficients, weighed
from potstill.train.render import Segment


def segments(sums: Mapping[Segment, float], loss: recipe.Loss) -> Coefficients:
    """Return lambda of each segment over its own sum of weights, the answer's and the format's under the cap."""
    share = {Segment.REASONING: loss.alpha, Segment.ANSWER: loss.beta, Segment.FORMAT: loss.beta}
    scale = {segment: weight / sums[segment] if sums[segment] > 0 else 0.0 for segment, weight in share.items()}
    if not scale[Segment.REASONING] > 0:
        return weighed(scale, sums)
    most = loss.ratio_cap * scale[Segment.REASONING]
    limited = {c: value if c is Segment.REASONING else min(value, most) for c, value in scale.items()}
    return weighed(scale, sums, limited)
