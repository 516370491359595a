"""Progress with rate and time left: one rewritten line on a terminal, plain lines elsewhere, events for programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, TextIO, TypeVar

from potstill.printed import control

T = TypeVar("T")
PLAIN_SECONDS = 10.0
TERMINAL_SECONDS = 0.2
EVENT_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a run is at. Stage `number` of `of` is `begun`, `working` any number of times, then `done`.

    A stage whose output is there already is `kept`. While it is working, `what` names the work, of which `count` of
    `total` `unit` are done (None: nobody knows how many there are), `rate` a second, with `left` seconds to go.
    `figures` are those of one step of a training, under their names in `losses.json`. In a study `run` is the run,
    `run_number` of `runs`.
    """

    state: Literal["begun", "working", "done", "kept"] = "working"
    run: str = ""
    run_number: int = 0
    runs: int = 0
    stage: str = ""
    number: int = 0
    of: int = 0
    what: str = ""
    count: int = 0
    total: int | None = None
    unit: str = ""
    rate: float = 0.0
    left: float | None = None
    note: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        place = f"[{self.run_number}/{self.runs} {self.run}] " if self.runs else ""
        place += f"[{self.number}/{self.of}] " if self.of else ""
        return f"{place}{self.work if self.state == 'working' else f'{self.stage}: {self.state}'}"

    @property
    def work(self) -> str:
        """The work in words: `traces: 34/100 traces, 12.0/s, 5s left`."""
        count = f"{self.count:,}" if self.total is None else f"{self.count:,}/{self.total:,}"
        left = "" if self.left is None else f", {clock(self.left)} left"
        note = f", {self.note}" if self.note else ""
        return f"{self.what}: {count} {self.unit}, {self.rate:,.1f}/s{left}{note}"


Listener = Callable[[Event], None]
_listeners: list[Listener] = []
_stage = Event()
"""The stage that this process is at, and in a study the run."""


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let a function hear every event of this process in the block; it is called where the work is done."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def run_of_study(name: str, number: int, of: int) -> Iterator[None]:
    """Say which run of a study the block is."""
    global _stage  # noqa: PLW0603 - a process is at one run, and at one stage of it, at a time
    _stage = Event(run=name, run_number=number, runs=of)
    try:
        yield
    finally:
        _stage = Event()


def begin_stage(name: str, number: int, of: int) -> None:
    """Say that a stage is looked at; all progress from here on is its own."""
    global _stage  # noqa: PLW0603
    _stage = replace(_stage, state="begun", stage=name, number=number, of=of)
    _tell(_stage)


def end_stage(*, kept: bool) -> None:
    """Say that the stage is done; `kept` where its output was there already."""
    global _stage  # noqa: PLW0603
    _tell(replace(_stage, state="kept" if kept else "done"))
    _stage = replace(_stage, state="working", stage="", number=0, of=0)


def _tell(event: Event) -> None:
    for listener in tuple(_listeners):
        listener(event)


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
        self.told = 0.0

    def resume_at(self, done: int) -> None:
        """Count `done` units as already there; they do not enter the rate."""
        self.done = self.base = done

    def advance(self, count: int = 1, note: str = "") -> None:
        """Add finished units; print and tell when it is time."""
        self.done += count
        self.note = note or self.note
        now = time.monotonic()
        if _listeners and now - self.told >= EVENT_SECONDS:
            self.told = now
            _tell(self.event(now))
        if now - self.shown >= (TERMINAL_SECONDS if self.live else PLAIN_SECONDS):
            self.shown = now
            self._write(self.line(now), final=False)

    def figures(self, figures: Mapping[str, float]) -> None:
        """Tell the figures of one step; those of an earlier process that is gone on from come first, and again."""
        if _listeners:
            _tell(replace(self.event(time.monotonic()), figures=figures))

    def event(self, now: float) -> Event:
        """Return where the work is as of `now` (monotonic seconds)."""
        rate = (self.done - self.base) / max(now - self.started, 1e-9)
        to_do = 0 if self.total is None else self.total - self.done
        left = to_do / rate if rate > 0 and to_do > 0 else None
        return replace(
            _stage, state="working", what=self.what, count=self.done, total=self.total, unit=self.unit, rate=rate,
            left=left, note=self.note,
        )  # fmt: skip

    def line(self, now: float) -> str:
        """Return the progress line as of `now` (monotonic seconds)."""
        return self.event(now).work

    def close(self) -> float:
        """Print and tell the last line; return the elapsed seconds."""
        now = time.monotonic()
        _tell(self.event(now))
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
