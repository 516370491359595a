"""Servers of one model that share its requests: which one is asked next, and which rests since it did not answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

FIRST_REST, LONGEST_REST = 1.0, 60.0
"""Seconds for which a server is left alone that did not answer; they double with every try that fails."""


class Replicas:
    """The servers of one model. Times are monotonic seconds, given by the caller.

    What a server did not answer is asked elsewhere, and it rests; where all rest they are asked all the same, so that
    one server alone is tried as if there were no rests.
    """

    def __init__(self, servers: Sequence[Sequence[str]], model: str) -> None:
        self.model = model
        self.all = [Replica(urls, self) for urls in servers]

    def next(self, now: float) -> Replica:
        """Return the server with the fewest requests on their way to it, in turn where as many are."""
        awake = [one for one in self.all if one.is_awake(now)]
        return min(awake or self.all, key=lambda one: (0 if awake else one.rests_until, one.under_way, one.sent))


class Replica:
    """One server. `urls` are what its base address may mean, the likeliest first."""

    def __init__(self, urls: Sequence[str], among: Replicas) -> None:
        self.urls, self.among = tuple(urls), among
        self.proven = False
        """Whether it has answered anything."""
        self.under_way = self.sent = self.strikes = 0
        self.rests_until, self.told = 0.0, False

    @contextmanager
    def asked(self) -> Iterator[str]:
        """Count a request that is on its way to it in the block; yield the address."""
        self.under_way += 1
        self.sent += 1
        try:
            yield self.urls[0]
        finally:
            self.under_way -= 1

    def is_awake(self, now: float) -> bool:
        """Whether it may be asked: one that did not answer is tried with a single request behind its rest."""
        return not self.strikes or (now >= self.rests_until and not self.under_way)

    def answered(self) -> None:
        """Note an answer: it works."""
        self.proven, self.strikes = True, 0

    def failed(self, now: float, reason: str, wait: float | None) -> bool:
        """Rest, at least for the `wait` that it asked for; return whether another server is awake."""
        if not self.strikes or now >= self.rests_until:
            self.strikes += 1
            rest = min(LONGEST_REST, FIRST_REST * 2.0 ** min(self.strikes - 1, 30))
            self.rests_until = now + max(rest, wait or 0.0)
            if not self.told and self._others_are_awake(now):
                self.told = True
                print(f"{self.among.model} at {self.urls[0]}: {reason}; others are asked meanwhile", file=sys.stderr)
        return self._others_are_awake(now)

    def otherwise(self, url: str) -> bool:
        """Take the next thing that the base address may mean, where it is still `url`; False where there is none."""
        if url == self.urls[0]:
            if len(self.urls) < 2:
                return False
            self.urls = self.urls[1:]
        return True

    def _others_are_awake(self, now: float) -> bool:
        return any(one.is_awake(now) for one in self.among.all if one is not self)
