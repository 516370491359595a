"""What a student that has not seen a trace says of it: how surprising it is, and what it does for the answer. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

RANKS = 100
"""Ranks from here on count alike, as in the authors' code (`rank_clip_r`)."""
DIRECTIONS: Mapping[str, int] = {"surprisal": 1, "rank_surprisal": 1, "gain": -1}
"""Score that traces can be preferred by -> 1 where less is better, -1 where more is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listened:
    """The scores of one trace under one student; None, with the reason, where it could not read the trace.

    `surprisal`: mean -log p of a token of reasoning and answer, in nats. `rank_surprisal`: see below. `gain`: how much
    likelier the reasoning makes the right answer, in nats a token; None where no answer is known. `tokens` are those
    that the first two are over, `read` all that were read, prompts included.
    """

    trace_key: str
    surprisal: float | None
    rank_surprisal: float | None
    gain: float | None
    tokens: int
    read: int
    reason: str = ""

    def score(self, name: str) -> float | None:
        """Return a score by the name that recipes have for it."""
        return {"surprisal": self.surprisal, "rank_surprisal": self.rank_surprisal, "gain": self.gain}[name]


def surprisal_of(surprisals: Sequence[float]) -> float | None:
    """Return the mean of -log p, None of no tokens."""
    return math.fsum(surprisals) / len(surprisals) if surprisals else None


def rank_surprisal_of(ranks: Sequence[int], surprisals: Sequence[float]) -> float | None:
    """Return the rank-surprisal ratio: sum of min(rank, `RANKS`) over sum of -log p, ranks counted from 1.

    From "Which Reasoning Trajectories Teach Students to Reason Better?" (arXiv 2601.14249): lower is better, as it is
    where tokens are unlikely and still among the student's first choices, new to it and within its reach. None where
    the student is surprised by nothing.
    """
    total = math.fsum(surprisals)
    return sum(min(rank, RANKS) for rank in ranks) / total if total > 0 else None


def gain_of(behind: Sequence[float], alone: Sequence[float]) -> float | None:
    """Return how many nats a token the answer gains by the reasoning: mean log p behind it minus without it.

    Both are -log p of the same answer, token by token. A reasoning that does not lead to its answer gains little,
    whoever listens.
    """
    if not behind or not alone:
        return None
    return math.fsum(alone) / len(alone) - math.fsum(behind) / len(behind)


def means(rows: Iterable[Listened]) -> dict[str, float | None]:
    """Return what a whole set is like: mean `surprisal`, `ratio` of mean rank to mean surprisal, and mean `gain`.

    Each trace counts the same, as in the set's ratio of arXiv 2601.14249 (appendix A.8). None where nothing is known.
    """
    surprisals, ranks, gains = [], [], []
    for row in rows:
        if row.surprisal is not None and row.rank_surprisal is not None:
            surprisals.append(row.surprisal)
            ranks.append(row.rank_surprisal * row.surprisal)
        if row.gain is not None:
            gains.append(row.gain)
    return {
        "surprisal": surprisal_of(surprisals),
        "ratio": math.fsum(ranks) / math.fsum(surprisals) if surprisals else None, "gain": surprisal_of(gains),
    }  # fmt: skip


def preference(found: Listened | None, by: str) -> float:
    """Return what traces are sorted by, the preferred first; those without the score come last."""
    value = None if found is None else found.score(by)
    return math.inf if value is None else DIRECTIONS[by] * value
