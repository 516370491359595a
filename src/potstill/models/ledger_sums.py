"""Sums over a ledger: what all its completions cost, and how long those of each model took."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from potstill.models.replies.usage import BYTES_PER_TOKEN
from potstill.recipe import Price


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Sums over a ledger, without what tools wrote.

    `unmetered` rows came without usage; `unmetered_bytes` is the size of their bodies.
    `seconds` is the time during which requests were being asked. `lost_prompt` and `lost_completion` are tokens of
    replies that were of no use and asked again: paid for, and in no row.
    """

    rows: int
    requests: int
    prompt_tokens: int
    completion_tokens: int
    unmetered: int
    unmetered_bytes: int
    finishes: dict[str, int]
    failures: dict[str, int]
    seconds: float
    lost_prompt: int = 0
    lost_completion: int = 0

    def dollars(self, price: Price) -> float:
        """Return US dollars; rows without usage are estimated from their size."""
        prompt = self.prompt_tokens + self.lost_prompt
        completion = self.completion_tokens + self.lost_completion + self.unmetered_bytes / BYTES_PER_TOKEN
        tokens = (prompt * price.prompt + completion * price.completion) / 1e6
        return tokens + self.seconds / 3600 * price.hour


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What whole completions took that came with the first request.

    `last` is the mean of seconds until the last byte; `machine` the seconds in which they were made one batch after the
    other, those of a batch counted once, which means something of a model in this process alone.
    """

    rows: int
    completion_tokens: int
    last: float
    machine: float


def taken_query(asked: str, keys: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """Return the query of `Ledger.taken` with its values; `asked` is the condition that a request was sent.

    The rows of a batch were written at one moment and took the same seconds.
    """
    wanted = "" if keys is None else " AND key IN (SELECT value FROM json_each(?))"
    query = (
        "SELECT model, sum(rows), sum(tokens), sum(rows * seconds), sum(seconds) FROM (SELECT model, seconds,"  # noqa: S608
        " count(*) AS rows, total(completion_tokens) AS tokens FROM completions"
        f" WHERE {asked} AND tries = 1 AND finish IN ('stop', 'length'){wanted} GROUP BY model, seconds, at)"
        " GROUP BY model"
    )
    return query, () if keys is None else (json.dumps(list(keys)),)


def taken_of(rows: Iterable[Sequence[Any]]) -> dict[str, Taken]:
    """Return what the rows of that query say, by model."""
    return {
        model: Taken(rows=number, completion_tokens=int(tokens), last=whole / number, machine=machine)
        for model, number, tokens, whole, machine in rows
    }
