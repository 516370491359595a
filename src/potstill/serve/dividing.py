"""A reply cut into thinking and answer while it is written, and stopped at texts that the request names.

What is passed on is never taken back: the beginning of a mark or of a stop is held until it is known not to be one.
However a text is cut into pieces, what comes out is the same, in time linear in the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple


class Channel(Enum):
    """Where a piece of a reply belongs; the values are the fields of a message on the wire."""

    REASONING = "reasoning_content"
    CONTENT = "content"


class ReplyPiece(NamedTuple):
    """A piece of a reply that may be shown."""

    channel: Channel
    text: str


class Divider:
    """Divides one reply at the student's own marks, white space around either part taken away.

    Thinking is what stands between the marks at the very beginning; a reply that does not begin with `opening` is all
    answer. With `opened` the prompt has written the opening mark already. Without both marks nothing is thinking.
    """

    def __init__(self, opening: str, closing: str, *, opened: bool = False) -> None:
        self.opening, self.closing = opening.strip(), closing.strip()
        self.opened = opened
        self._channel: Channel | None = None if self.opening and self.closing else Channel.CONTENT
        self._held = ""
        self._begun = False

    def feed(self, text: str) -> Iterator[ReplyPiece]:
        """Take the next piece of the reply; yield what is known of it."""
        self._held += text
        if self._channel is None:
            self._held = self._held.lstrip()
            if self.opening.startswith(self._held) and self._held != self.opening:
                return  # nothing yet, or the beginning of the mark
            self._decide()
        if self._channel is Channel.REASONING:
            before, mark, after = self._held.partition(self.closing)
            if mark:
                yield from self._pass(before.rstrip())
                self._channel, self._held, self._begun = Channel.CONTENT, after, False
            else:
                yield from self._pass_all_but(_begun_mark(self._held, (self.closing,)))
        if self._channel is Channel.CONTENT:
            yield from self._pass_all_but(0)

    def end(self) -> Iterator[ReplyPiece]:
        """Yield what was held, the reply being over."""
        if self._channel is None:
            self._channel = Channel.REASONING if self.opened else Channel.CONTENT
        held, self._held = self._held.rstrip(), ""
        yield from self._pass(held)

    def _decide(self) -> None:
        marked = self._held.startswith(self.opening)
        self._channel = Channel.REASONING if marked or self.opened else Channel.CONTENT
        if marked:
            self._held = self._held[len(self.opening) :]

    def _pass_all_but(self, kept: int) -> Iterator[ReplyPiece]:
        """Pass what is held but its last `kept` characters, and the white space before them."""
        safe = self._held[: len(self._held) - kept].rstrip()
        held = self._held[len(safe) :]
        yield from self._pass(safe)
        self._held = held if self._begun else held.lstrip()

    def _pass(self, text: str) -> Iterator[ReplyPiece]:
        shown = text if self._begun else text.lstrip()
        if shown:
            self._begun = True
            assert self._channel is not None  # noqa: S101 - it is decided before anything is passed
            yield ReplyPiece(self._channel, shown)


class StopWatch:
    """Ends a reply before the first text of `stops` in it, which is not shown."""

    def __init__(self, stops: Sequence[str]) -> None:
        self.stops = tuple(stops)
        self.stopped = False
        self._held = ""

    def feed(self, text: str) -> str:
        """Take the next piece; return what may be shown. `stopped` says whether the reply is over."""
        self._held += text
        found = [at for stop in self.stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            shown, self._held = self._held[: min(found)], ""
            return shown
        kept = len(self._held) - _begun_mark(self._held, self.stops)
        shown, self._held = self._held[:kept], self._held[kept:]
        return shown

    def end(self) -> str:
        """Return what was held, the reply being over."""
        held, self._held = self._held, ""
        return held


def _begun_mark(text: str, marks: Sequence[str]) -> int:
    """Return how many last characters of a text may be the beginning of a mark that it does not hold."""
    longest = min(len(text), max(map(len, marks), default=0))
    return next((n for n in range(longest, 0, -1) if any(mark.startswith(text[-n:]) for mark in marks)), 0)
