"""Progress with rate and time left: one rewritten line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

from potstill.printed import control

T = TypeVar("T")
PLAIN_SECONDS = 10.0
TERMINAL_SECONDS = 0.2


class Progress:
    """Counts units of work and prints them to standard error.

    `total` may be unknown (None). `advance(n, note)` is cheap enough to call for every unit.
    """

    def __init__(self, what: str, total: int | None = None, unit: str = "rows", stream: TextIO | None = None) -> None:
        self.what, self.total, self.unit = what, total, unit
        self.stream = sys.stderr if stream is None else stream
        self.live = self.stream.isatty()
        self.done = 0
        self.base = 0
        self.note = ""
        self.started = self.shown = time.monotonic()

    def resume_at(self, done: int) -> None:
        """Count `done` units as already there; they do not enter the rate."""
        self.done = self.base = done

    def advance(self, count: int = 1, note: str = "") -> None:
        """Add finished units; print when it is time."""
        self.done += count
        self.note = note or self.note
        now = time.monotonic()
        if now - self.shown >= (TERMINAL_SECONDS if self.live else PLAIN_SECONDS):
            self.shown = now
            self._write(self.line(now), final=False)

    def line(self, now: float) -> str:
        """Return the progress line as of `now` (monotonic seconds)."""
        elapsed = max(now - self.started, 1e-9)
        rate = (self.done - self.base) / elapsed
        count = f"{self.done:,}" if self.total is None else f"{self.done:,}/{self.total:,}"
        left = ""
        if self.total is not None and rate > 0 and self.done < self.total:
            left = f", {clock((self.total - self.done) / rate)} left"
        note = f", {self.note}" if self.note else ""
        return f"{self.what}: {count} {self.unit}, {rate:,.1f}/s{left}{note}"

    def close(self) -> float:
        """Print the last line; return the elapsed seconds."""
        now = time.monotonic()
        self._write(f"{self.line(now)}, {clock(now - self.started)} in all", final=True)
        return now - self.started

    def track(self, items: Iterable[T]) -> Iterator[T]:
        """Yield `items`, counting each."""
        for item in items:
            yield item
            self.advance()

    def _write(self, text: str, *, final: bool) -> None:
        end = "\n" if final or not self.live else ""
        if self.live:
            control(self.stream, "\r\x1b[K")
        self.stream.write(f"{text}{end}")
        self.stream.flush()


def clock(seconds: float) -> str:
    """Return seconds as `5s`, `3m05s` or `2h03m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
