"""Pairs of answers -> what each of their tokens counts in direct preference optimisation. Pure, without torch.

With D = (log p(w) - log p0(w)) - (log p(l) - log p0(l)) of a pair of a better answer w and a worse one l, p0 the
student before training, the loss of a step of B pairs is

    L = sum of -log sigmoid(beta D) / B + nll * sum of -log p(w) / tokens of all w

(DPO, Rafailov et al. 2023, arXiv 2305.18290, equation 7; the second term, Pang et al. 2024, arXiv 2404.19733, keeps the
better answers likely). Its gradient is that of sum of k l, l = -log p of a token, with

    k = beta sigmoid(-beta D) / B + nll / tokens of all w on w,   k = -beta sigmoid(-beta D) / B on l

so that a pair may be cut in two, and D alone has to be known before: it takes one reading without a gradient.
"""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from potstill import recipe
from potstill.train.order import Plan, plan

if TYPE_CHECKING:
    from potstill.train.loss import Weights
    from potstill.train.segments import TokenRow

Log = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """What a training on pairs knows beside its rows, of which 2i is the better one of pair i and 2i + 1 the other.

    `reference` has log p of each row under the student before training, summed in nats; `digest` is a key of them.
    """

    dpo: recipe.Dpo
    reference: Sequence[float]
    digest: str

    def weigh(
        self, index: Sequence[int], rows: Sequence[TokenRow], logs: Sequence[float]
    ) -> tuple[list[Weights], Log]:  # fmt: skip
        """Return (coefficients k of each row's tokens, what the step tells) of a step.

        `index` are the numbers of its `rows`, both of each pair, and `logs` is log p of each row as it is now.
        """
        from potstill.train.segments import trained

        beta, nll = self.dpo.beta, self.dpo.nll
        now = dict(zip(index, logs, strict=True))
        moved = {row: value - self.reference[row] for row, value in now.items()}
        better = [row for row in index if row % 2 == 0]
        margins = {row: beta * (moved[row] - moved[row + 1]) for row in better}
        places = {row: trained(its) for row, its in zip(index, rows, strict=True)}
        count, tokens = len(better), sum(len(places[row]) for row in better)
        pull = {row: beta * sigmoid(-margin) / count for row, margin in margins.items()}
        k = {row: pull[row] + nll / tokens for row in better} | {row + 1: -pull[row] for row in better}
        weights: list[Weights] = []
        for row, its in zip(index, rows, strict=True):
            of_row = [0.0] * len(its)
            for place in places[row]:
                of_row[place] = k[row]
            weights.append(of_row)
        cross_entropy = -math.fsum(now[row] for row in better) / tokens
        preferred = math.fsum(softplus(-margin) for margin in margins.values()) / count

        def mean(of: Callable[[int], float]) -> float:
            return math.fsum(map(of, better)) / count

        return weights, {
            "loss": preferred + nll * cross_entropy, "preference_loss": preferred, "ce_chosen": cross_entropy,
            "accuracy": sum(margin > 0 for margin in margins.values()) / count, "margin": mean(margins.__getitem__),
            "chosen_log_p": mean(lambda row: now[row]), "rejected_log_p": mean(lambda row: now[row + 1]),
            "chosen_reward": mean(lambda row: beta * moved[row]),
            "rejected_reward": mean(lambda row: beta * moved[row + 1]),
            "chosen_length": mean(lambda row: len(places[row])),
            "rejected_length": mean(lambda row: len(places[row + 1])),
        }  # fmt: skip


def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def softplus(x: float) -> float:
    """Return log(1 + exp(x)) without overflow: -log sigmoid(-x)."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def plan_of_pairs(
    lengths: Sequence[int], train: recipe.Train, seed: int, spend: tuple[Callable[[int], int], int] | None = None
) -> Plan:  # fmt: skip
    """Return the optimiser steps over pairs of rows of `lengths` tokens: both rows of a pair are in one step.

    `spend` is as in `order.plan`, by the number of a pair.
    """
    sizes = [sum(lengths[row : row + 2]) for row in range(0, len(lengths), 2)]
    of_pairs = plan(sizes, dataclasses.replace(train, batch=train.batch // 2), seed, spend=spend)
    order, longest = array("q"), 0
    for start, stop in pairwise([*range(0, len(of_pairs.order), of_pairs.batch), len(of_pairs.order)]):
        rows = [row for pair in of_pairs.order[start:stop] for row in (2 * pair, 2 * pair + 1)]
        rows.sort(key=lambda row: (-lengths[row], row))
        order.extend(rows)
        longest = max(longest, lengths[rows[0]])
    return Plan(order, train.batch, of_pairs.tokens, int(longest))
