"""A run folder watched while another process works on it: plain text, drawn again when something has changed."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from potstill import events
from potstill.pipeline import StageState, StageStatus, statuses
from potstill.pipeline.stages import stages_of
from potstill.printed import control
from potstill.progress import PLAIN_SECONDS, Event, clock
from potstill.recipe_file import load
from potstill.store import Run

SECONDS = 1.0
"""Between two looks."""


def table(found: Sequence[StageStatus]) -> str:
    """Return a line a stage."""
    return "\n".join(map(_line, found))


def _line(status: StageStatus, now: Event | None = None) -> str:
    spent = clock(status.seconds) if status.seconds else ""
    state, why = status.state, status.why
    if now is not None and now.stage == status.stage.name and now.state in ("begun", "working"):
        state, why = StageState.UNDER_WAY, now.work if now.state == "working" else ""
    return f"{status.stage.name:<18} {state:<10} {spent:>7}  {why}".rstrip()


def watch(run: Run, stream: TextIO | None = None) -> None:
    """Print where the stages stand until nobody works on the run any more.

    On a terminal the lines are drawn anew in place. Elsewhere a stage gets a line when its state changes, and the work
    one now and then.
    """
    out = sys.stdout if stream is None else stream
    screen = _Screen(out) if out.isatty() else _Log(out)
    recipe = run.path / "recipe.yaml"
    text, stages = "", []
    while True:
        busy = run.is_busy()  # before the look: what it shows last is then how the run ended
        if (read := recipe.read_text(encoding="utf-8")) != text:
            text, stages = read, stages_of(load(str(recipe)))
        screen.draw(statuses(run, stages), events.latest(run.path) if busy else None)
        if not busy:
            return
        time.sleep(SECONDS)


class _Screen:
    """A terminal: the lines are drawn over those of before."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.shown: list[str] = []

    def draw(self, found: Sequence[StageStatus], now: Event | None) -> None:
        width = shutil.get_terminal_size().columns - 1  # a line that wraps would count as two
        lines = [_line(status, now)[:width] for status in found]
        if lines == self.shown:
            return
        if self.shown:
            control(self.stream, f"\x1b[{len(self.shown)}F\x1b[J")
        self.stream.write("".join(f"{line}\n" for line in lines))
        self.stream.flush()
        self.shown = lines


class _Log:
    """A pipe or a file: what has changed, line by line."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.states: dict[str, str] = {}
        self.worked = time.monotonic()

    def draw(self, found: Sequence[StageStatus], now: Event | None) -> None:
        for status in found:
            if self.states.get(status.stage.name) != status.state:
                self.states[status.stage.name] = status.state
                self.stream.write(f"{_line(status)}\n")
        if now is not None and now.state == "working" and time.monotonic() - self.worked >= PLAIN_SECONDS:
            self.worked = time.monotonic()
            self.stream.write(f"{now}\n")
        self.stream.flush()
