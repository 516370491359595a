"""How many requests a server is sent, and how fast: found by trying, taken from what it says, never a setting.

Two quantities rise slowly and fall at once, as in TCP: how many requests are in flight, which is what a server bears
that holds many of them, and from the first rate limit on how many start a second, which is what keeps to a limit of
requests a minute. What the server asks for in `Retry-After` and in its rate-limit headers is kept for all requests.
"""

from __future__ import annotations

import math
import random
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from potstill.models.served.faults import FaultError, allowances

FIRST = 16
"""Requests in flight to begin with."""
MOST = 1024
"""Requests in flight at most, which bounds memory."""
BACK = 15.0
"""Seconds in which a rate that was cut comes back, for each second that the server asked to wait."""
BARE = 2.0
"""The same where it asked for no wait."""
SLOW = 8.0
"""Seconds in which a cut of the number in flight comes back after an overload."""
SPARSE = 8.0
"""Requests at least between one try for a higher rate and the next."""
KNEE = 0.92
"""What was cut deeper comes back to this share soon, and from there slowly."""
FEW = 16
"""Requests from which a rate can be told."""
KEEP = 60.0
"""Seconds for which a rate is kept once the limit is known; it rises a tenth in as many, until it meets the limit."""
BELOW = 0.97
"""The share of a known limit that is kept: what a bucket saved in a pause is not spent on top of the limit."""
UNLIKE = 3
"""So many rates in a row that were known and did not hold: the server limits something else, so none is kept."""
DEEPEST = 0.03
"""The largest cut of the rate leaves this share of it; half where the server asked for no wait, so errors cost less."""
LOOK_AGAIN = 20
"""Rounds of answers after which a server that had its fill is tried with more."""


@dataclass(kw_only=True, slots=True)
class Rise:
    """A value that is `base` at `since`, `knee` after a quarter of `seconds` and `step` more after the rest of them.

    From then on it rises twice as fast each time.
    """

    base: float
    knee: float
    step: float
    seconds: float
    since: float

    def at(self, now: float) -> float:
        """Return the value at a monotonic time."""
        turns = max(0.0, (now - self.since) / self.seconds)
        if turns <= 0.25:
            return self.base + (self.knee - self.base) * 4 * turns
        return self.knee + self.step * ((turns - 0.25) / 0.75 if turns <= 1 else 2.0 ** min(turns - 1, 30))


class Bucket:
    """A token bucket of `rate` units a second that holds a second's worth, at least one."""

    def __init__(self, per_minute: int | None) -> None:
        self.rate = math.inf if per_minute is None else per_minute / 60
        self.left = self.most = max(1.0, self.rate)
        self.at = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until something is left."""
        if self.rate == math.inf:
            return 0.0
        self.left = min(self.most, self.left + (now - self.at) * self.rate)
        self.at = now
        # A whole unit; a debt of tokens, which only settling can make, has to be paid first.
        return max(0.0, (1.0 - self.left) / self.rate)

    def take(self, amount: float) -> None:
        """Take units out, more than there are if need be."""
        if self.rate != math.inf:
            self.left -= amount


class Admission:
    """Says when the next request may go. Times are monotonic seconds, given by the caller; nothing here waits.

    `cap` is a limit of the user's on requests in flight; without one the number is found. It belongs to one server and
    model and outlives single calls, so that what was learnt is kept.
    """

    def __init__(
        self, cap: int | None = None, requests_per_minute: int | None = None, tokens_per_minute: int | None = None
    ) -> None:
        self.most = MOST if cap is None else cap
        self.limit = float(FIRST if cap is None else cap)
        self.threshold = math.inf  # below it the number in flight doubles with each round of answers
        self.ceiling = math.inf  # above it more in flight brought no more answers
        self.climb: Rise | None = None
        self.pace: Rise | None = None
        self.next_at = 0.0
        self.paced = True
        self.paused_until = self.resumed_at = 0.0
        self.in_flight = 0
        self.requests, self.tokens = Bucket(requests_per_minute), Bucket(tokens_per_minute)
        self.tokens_each = 0.0  # running mean
        self.cut_at = -math.inf
        self.before: tuple[float, float] | None = None  # what went through in the last cycle, as `accepted` has it
        self.broken = 0
        self.cycle = _Cycle()
        self.round = _Round()

    @property
    def allowed(self) -> int:
        """Requests that may be in flight at present, at least one."""
        return max(1, int(min(self.limit, self.ceiling)))

    def wait(self, now: float) -> float:
        """Return the seconds until another request may go: 0 for now, infinity for when one in flight has ended."""
        if self.in_flight >= self.allowed:
            self.paced = False
            return math.inf
        wait = max(self.paused_until - now, self.requests.wait(now), self.tokens.wait(now))
        if self.pace is not None and self.next_at > now:
            self.paced = True
            wait = max(wait, self.next_at - now)
        return max(0.0, wait)

    def sent(self, now: float) -> None:
        """Note that a request goes out."""
        self.in_flight += 1
        self.requests.take(1.0)
        self.tokens.take(self.tokens_each)
        self.cycle.sent(now)
        if self.pace is not None:
            idle = now - self.next_at
            gap = 1.0 / self.pace.at(now)
            if idle > 0 and self.next_at:
                # A rate that was not used has proved nothing.
                self.pace.since = min(max(now, self.pace.since), self.pace.since + idle)
            # Beyond what a timer is late, nothing is made up for: it would come too close.
            self.next_at = max(now - min(0.25 * gap, 0.001), self.next_at) + gap

    def ended(self) -> None:
        """Note that a request is in flight no longer, whatever came of it."""
        self.in_flight -= 1

    def answered(self, now: float, sent_at: float, tokens: int, headers: Mapping[str, str]) -> None:
        """Note an answer to a request sent at `sent_at`, its tokens and its headers; call it before `ended`."""
        self.tokens.take(tokens - self.tokens_each)
        self.cycle.answered += sent_at > self.cut_at
        self.tokens_each += 0.1 * (tokens - self.tokens_each) if self.tokens_each else tokens
        # Only what was in use can have proved itself; rate and number hold each other up where each is nearly enough.
        if self.in_flight >= min(self.allowed - 1, 0.75 * self.allowed):
            self._grow(now)
        elif self.climb is not None:
            self.climb = Rise(
                base=self.limit, knee=self.limit, step=self.climb.step, seconds=self.climb.seconds, since=now
            )
        if headers:
            self.heard(sent_at, headers)

    def heard(self, sent_at: float, headers: Mapping[str, str]) -> None:
        """Heed the rate-limit headers of a reply: hold back until what is nearly used up has been refilled.

        Providers count when a request comes in, which may be long before they answer it.
        """
        for kind, left, refill in allowances(headers, time.time()):
            need = 1.0 if kind == "requests" else max(1.0, self.tokens_each)
            if left < need:
                self.paused_until = max(self.paused_until, sent_at + min(60.0, (need - left) / refill))

    def failed(self, now: float, sent_at: float, fault: FaultError) -> None:
        """Note what went wrong with a request sent at `sent_at`; call it before `ended`."""
        if fault.kind == "limited":
            self.limited(now, sent_at, fault.wait)
            return
        self._pause(now, fault.wait)
        if fault.kind == "overloaded" and sent_at > self.cut_at:
            self._cut(now, 0.7 * self.limit, SLOW)

    def limited(self, now: float, sent_at: float, wait: float | None) -> None:
        """Note a rate limit hit by a request sent at `sent_at`, with the seconds that the server asks to wait."""
        # Those who waited do not all come back in the same instant.
        self._pause(now, wait)
        if sent_at <= self.cut_at:
            return
        self.cycle.rejected += 1
        late, seconds = self.cycle.rate(now), max(2 * BARE, BACK * wait) if wait else BARE
        if self.paced or self.pace is None or not self.cycle.answered:
            self._slow_down(now, late, seconds, max(DEEPEST, 0.5 - (wait or 0.0)))
        else:  # it was not the rate that held requests back, so it is not what was too much
            self._cut(now, 0.95 * (self.in_flight - 1), seconds)
            used = min(self.pace.at(now), 1.15 * late)  # a rate that is not used would never be found to be too much
            self.pace = Rise(base=used, knee=used, step=0.05 * used, seconds=max(seconds, SPARSE / used), since=now)
        self.cycle, self.cut_at = _Cycle(since=now), now

    def _slow_down(self, now: float, late: float, seconds: float, deepest: float) -> None:
        """Cut the rate to what went through, and let it come back in `seconds` or, where it is known, later."""
        rate = late if self.pace is None else self.pace.at(now)
        if self.cycle.count >= FEW:
            rate = min(rate, 1.15 * late)
        # A bucket that filled up during the pause lets more through than the limit, one that could not hold as much as
        # comes in it lets less; the limit is between what went through with the pause and without it.
        least, most = self.cycle.accepted(now, self.resumed_at)
        keep = self._below_limit(now, rate, least, most)
        self.resumed_at = max(now, self.paused_until)
        if keep:
            self.pace = Rise(
                base=keep, knee=keep, step=0.1 * keep, seconds=max(KEEP, SPARSE / keep), since=self.resumed_at + KEEP
            )
        else:
            held = max(deepest, min(0.95, math.sqrt(least * most) / rate))
            knee = max(held, min(KNEE, 4 * held))
            step = max(rate * (1 - knee), 0.05 * rate)
            self.pace = Rise(
                base=rate * held,
                knee=rate * knee,
                step=step,
                seconds=max(seconds, SPARSE / rate),
                since=self.resumed_at,
            )
        self.next_at = self.resumed_at + random.uniform(0.5, 1.0) / self.pace.base

    def _below_limit(self, now: float, rate: float, least: float, most: float) -> float:
        """Return a rate that the limit allows, 0 while the limit is not known well enough.

        A bucket is empty at each rate limit, so from one to the next it lets through what comes in. One that holds what
        comes in during the pause lets `least` through, however long the cycle: cycles of different lengths agree in it.
        One that holds next to nothing refuses as soon as the rate is above the limit, so the limit is the rate.
        """
        before, self.before = self.before, (least, most) if self.resumed_at else None
        if now > self.resumed_at + KEEP:
            self.broken = 0
        elif self.pace is not None and now < self.pace.since:
            self.broken += 1
        if self.pace is None or before is None or self.cycle.count < FEW or self.broken >= UNLIKE:
            return 0.0
        if abs(least / before[0] - 1) < min(0.03, 0.25 * abs(most / before[1] - 1)):
            return min(rate, BELOW * least)
        # Past its steep part a rate is above a small bucket's limit by little; a deep one has shown itself in `least`.
        if now > self.pace.since + 0.25 * self.pace.seconds and rate < 1.4 * least:
            return min(rate, max(BELOW * least, 0.9 * rate))
        return 0.0

    def _pause(self, now: float, wait: float | None) -> None:
        if wait:
            self.paused_until = max(self.paused_until, now + wait * random.uniform(1.0, 1.05))

    def _cut(self, now: float, accepted: float, seconds: float) -> None:
        self.cut_at = now
        self.round = _Round()
        self.threshold = self.limit / 2
        self.limit = max(1.0, min(self.limit, accepted))
        self.climb = Rise(base=self.limit, knee=self.limit, step=max(1.0, 0.1 * self.limit), seconds=seconds, since=now)

    def _grow(self, now: float) -> None:
        self.round.answers += 1
        if self.limit < self.threshold or self.climb is None:
            self.limit = min(self.most, self.limit + 1)
            if self.climb is not None:
                self.climb = Rise(
                    base=self.limit,
                    knee=self.limit,
                    step=max(1.0, 0.1 * self.limit),
                    seconds=self.climb.seconds,
                    since=now,
                )
        else:
            self.limit = max(1.0, min(self.most, self.climb.at(now)))
        if self.round.answers >= self.round.size:
            self._compare_rounds(now)

    def _compare_rounds(self, now: float) -> None:
        """Go no higher where half as much again in flight brought no more answers: the server only queues them."""
        self.ceiling, self.round = self.round.next(now, min(self.limit, self.ceiling), self.ceiling)
        self.limit = min(self.limit, self.ceiling)


class _Cycle:
    """What was sent since the last rate limit."""

    def __init__(self, since: float = 0.0) -> None:
        self.since = since
        self.count = self.rejected = self.answered = 0
        self.latest: deque[float] = deque(maxlen=32)

    def sent(self, now: float) -> None:
        self.since = self.since or now
        self.count += 1
        self.latest.append(now)

    def rate(self, now: float) -> float:
        """Return requests a second of late."""
        return max(1, len(self.latest)) / max(0.05, now - self.latest[0] if self.latest else 1.0)

    def accepted(self, now: float, resumed_at: float) -> tuple[float, float]:
        """Return requests a second that were not rejected, with the pause that ended at `resumed_at` and without."""
        accepted = max(1, self.count - self.rejected)
        return accepted / max(0.05, now - self.since), accepted / max(0.05, now - max(self.since, resumed_at))


@dataclass(kw_only=True, slots=True)
class _Round:
    """As many answers as there were requests in flight, and the best of the rounds before."""

    began: float = 0.0
    size: float = 0.0
    answers: int = 0
    best: float = 0.0
    best_at: float = 0.0
    held: int = 0

    def next(self, now: float, limit: float, ceiling: float) -> tuple[float, _Round]:
        """Return the ceiling and the next round."""
        rate = self.answers / max(1e-6, now - self.began) if self.began else 0.0
        if self.held:
            left = self.held - 1
            return (ceiling if left else math.inf), _Round(
                began=now, size=limit, answers=0, best=self.best if left else 0.0, best_at=self.best_at, held=left
            )
        if rate > 1.1 * self.best:
            return ceiling, _Round(began=now, size=limit, answers=0, best=rate, best_at=limit)
        if self.best and limit >= 1.5 * self.best_at:
            return self.best_at, _Round(
                began=now, size=limit, answers=0, best=self.best, best_at=self.best_at, held=LOOK_AGAIN
            )
        return ceiling, _Round(began=now, size=limit, answers=0, best=self.best, best_at=self.best_at)
