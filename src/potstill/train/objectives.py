"""What is descended at each token: cross-entropy on the text, or a divergence from a teacher's distribution.

With q = softmax(z) the gradients by the logits z are

    cross-entropy          -log q_y                             q - 1[y]
    forward KL(p||q)       sum p (log p - log q)                q - p
    reverse KL(q||p)       sum q (log q - log p) = R            q (log q - log p - R)
    JSD, weight b          b KL(p||m) + (1-b) KL(q||m),         (1-b) q (log q - log m - KL(q||m))
                           m = b p + (1-b) q
    top-k and tail         the same over k tokens and one bucket for all others, whose mass is 1 less theirs

The generalised Jensen-Shannon divergence is that of Agarwal et al. 2024 (arXiv 2306.13649), section 2. Stored top-k
distributions keep the log mass of their tail: without it the minimum is elsewhere (a student that gives the k tokens
less than the teacher does looks better than the teacher).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch

from potstill.train.head import Head, Objective

Direction = Literal["forward", "reverse"]
CLOSE = 1e-3
"""How near to 1 the mass of a stored distribution is: rounding, also that of a server that computes in bf16."""


class Mixture:
    """Several objectives at the same logits, each with a share at each token: value and gradient are the sums.

    `parts`: name -> (objective, its shares: (tokens,)); an objective meets only the tokens at which it has one.
    `values`: name -> (tokens,), what each had in the last pass, NaN where it has no share.
    """

    def __init__(self, parts: Mapping[str, tuple[Objective, torch.Tensor]]) -> None:
        self.parts = parts
        self.values = {name: torch.full_like(shares, torch.nan) for name, (_, shares) in parts.items()}

    def __call__(self, logits: torch.Tensor, part: slice | torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return values and gradients of a chunk, see `Objective`."""
        tokens = torch.arange(len(next(iter(self.values.values()))), device=logits.device)[part]
        shares = {name: share[tokens].to(logits.dtype) for name, (_, share) in self.parts.items()}
        for name, share in shares.items():
            if bool((share == 1).all()) and not any(bool(other.any()) for key, other in shares.items() if key != name):
                values, gradient = self.parts[name][0](logits, part)  # alone: nothing is copied
                self.values[name][tokens] = values.to(self.values[name].dtype)
                return values, gradient
        total, gradient = logits.new_zeros(len(tokens)), torch.zeros_like(logits)
        for name, share in shares.items():
            met = share.nonzero()[:, 0]
            if len(met):
                values, pull = self.parts[name][0](logits[met], tokens[met])  # a copy, which it may write over
                self.values[name][tokens[met]] = values.to(self.values[name].dtype)
                total[met] += share[met] * values
                gradient.index_add_(0, met, pull.mul_(share[met, None]))
        return total, gradient


def cross_entropy(targets: torch.Tensor) -> Objective:
    """Return -log q of `targets` (tokens,)."""

    def objective(logits: torch.Tensor, part: slice | torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        wanted = targets[part, None]
        logits = logits.log_softmax(1)
        values = -logits.gather(1, wanted)[:, 0]
        gradient = logits.exp_()
        gradient.scatter_add_(1, wanted, -torch.ones_like(wanted, dtype=gradient.dtype))
        return values, gradient

    return objective


def top_k(ids: torch.Tensor, logs: torch.Tensor, tail: torch.Tensor, direction: Direction) -> Objective:
    """Return the KL between a stored distribution and the student's, over k tokens and one bucket for the others.

    `ids`, `logs`: (tokens, k), the teacher's k tokens, each once, and their log p; `tail`: (tokens,), the log mass of
    all others (-inf where there is none). ValueError where they are no distribution: without the tail the minimum is
    elsewhere.
    """
    if not whole(logs, tail):
        raise ValueError("the k tokens and the tail of a distribution do not sum to 1")

    def objective(logits: torch.Tensor, part: slice | torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        chosen, log_p, log_tail = ids[part], logs[part].to(logits.dtype), tail[part].to(logits.dtype)
        log_q = logits.log_softmax(1)
        kept = log_q.gather(1, chosen)
        # the mass of the others from the others themselves: 1 less the rest loses what is small
        rest = log_q.scatter(1, chosen, -torch.inf).logsumexp(1)
        if direction == "forward":
            values = _weighed(log_p, log_p - kept).sum(1) + _weighed(log_tail, log_tail - rest)
            # q (1 - p_T / q_T) on the others, q - p on the k
            gradient = log_q.exp() * (1 - (log_tail - rest).exp())[:, None]
            gradient.scatter_(1, chosen, kept.exp() - log_p.exp())
            return values, gradient
        values = _weighed(kept, kept - log_p).sum(1) + _weighed(rest, rest - log_tail)
        gradient = log_q.exp() * (rest - log_tail - values)[:, None]
        gradient.scatter_(1, chosen, kept.exp() * (kept - log_p - values[:, None]))
        return values, gradient

    return objective


def whole(logs: torch.Tensor, tail: torch.Tensor) -> bool:
    """Whether stored log-probabilities, (tokens, k), and log tail masses, (tokens,), are distributions."""
    mass = torch.cat([logs.double(), tail.double()[:, None]], 1).exp().sum(1)
    return bool(((mass - 1).abs() <= CLOSE).all())  # a NaN is not


def full(teacher: torch.Tensor, head: Head, work: torch.dtype, beta: float) -> Objective:
    """Return a divergence from a live teacher, from its hidden states (tokens, hidden of the teacher).

    `beta` 0 is the forward KL, 1 the reverse, between them the generalised JSD. The vocabularies are the same; where
    one is padded further, its last entries are left out.
    """

    def objective(logits: torch.Tensor, part: slice | torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad(), torch.autocast(logits.device.type, enabled=False):  # the teacher in its own numbers
            theirs = head.logits(teacher[part], work)
        size = min(theirs.shape[1], logits.shape[1])
        log_p = theirs[:, :size].to(logits.dtype).log_softmax(1)
        log_q = logits[:, :size].log_softmax(1)
        q = log_q.exp()
        if beta == 0:
            values, gradient = (log_p.exp() * (log_p - log_q)).sum(1), q - log_p.exp()
        elif beta == 1:
            apart = log_q - log_p
            values = (q * apart).sum(1)
            gradient = q * (apart - values[:, None])
        else:
            weights = torch.tensor([beta, 1 - beta], dtype=logits.dtype, device=logits.device).log()
            log_m = torch.logaddexp(log_p + weights[0], log_q + weights[1])
            from_q = (q * (log_q - log_m)).sum(1)
            values = beta * (log_p.exp() * (log_p - log_m)).sum(1) + (1 - beta) * from_q
            gradient = (1 - beta) * q * (log_q - log_m - from_q[:, None])
        if size < logits.shape[1]:
            gradient = torch.nn.functional.pad(gradient, (0, logits.shape[1] - size))
        return values, gradient

    return objective


def _weighed(logs: torch.Tensor, apart: torch.Tensor) -> torch.Tensor:
    """Return exp(logs) * apart, with 0 log 0 = 0."""
    return torch.where(logs == -torch.inf, torch.zeros_like(apart), logs.exp() * apart)
