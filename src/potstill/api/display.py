"""Progress of a run as a notebook, a terminal or a log shows it; a notebook needs no widgets for it."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from potstill.printed import control, harmless
from potstill.progress import PLAIN_SECONDS, Event

Told = bool | Callable[[Event], object]
"""Where events go: True shows them, False does not, a function takes each."""
NOTEBOOK_SECONDS = 0.4


class Display(Protocol):
    """Takes events, and at last one line."""

    def tell(self, event: Event) -> None:
        """Show an event."""

    def end(self, line: str) -> None:
        """Show how it ended."""


def display_of(told: Told) -> Display:
    """Return what shows the events of a run here."""
    if callable(told):
        return _Function(told)
    if not told:
        return _Function(lambda event: None)
    return _Notebook() if _kernel() is not None else _Stream()


def _kernel() -> object | None:
    """Return the notebook kernel that this process is, if it is one; IPython is never imported for that."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None)


class _Function:
    """Hands each event on."""

    def __init__(self, told: Callable[[Event], object]) -> None:
        self.told = told

    def tell(self, event: Event) -> None:
        self.told(event)

    def end(self, line: str) -> None:
        """Show nothing."""


class _Stream:
    """One rewritten line on a terminal; elsewhere a line a stage, and one now and then."""

    def __init__(self) -> None:
        self.stream = sys.stderr
        self.live = self.stream.isatty()
        self.shown = time.monotonic()

    def tell(self, event: Event) -> None:
        now = time.monotonic()
        if self.live:
            control(self.stream, "\r\x1b[K")
            self._write(str(event), "")
        elif event.state == "done" or (event.state == "working" and now - self.shown >= PLAIN_SECONDS):
            self.shown = now
            self._write(str(event), "\n")

    def end(self, line: str) -> None:
        if self.live:
            control(self.stream, "\r\x1b[K")
        self._write(line, "\n")

    def _write(self, text: str, end: str) -> None:
        self.stream.write(harmless(text) + end)
        self.stream.flush()


class _Bar:
    """What a notebook shows: a bar of HTML, or a line of text where it shows no HTML."""

    def __init__(self, text: str, share: float | None) -> None:
        self.text, self.share = harmless(text), share

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        bar = "" if self.share is None else f'<progress max="1" value="{self.share:.4f}"></progress> '
        return f"<div>{bar}<code>{html.escape(self.text)}</code></div>"


class _Notebook:
    """One output of a cell that is replaced as the run goes on."""

    def __init__(self) -> None:
        from IPython.display import display

        self.shown = time.monotonic()
        self.handle: Any = display(_Bar("starting", 0.0), display_id=True)  # type: ignore[no-untyped-call]

    def tell(self, event: Event) -> None:
        now = time.monotonic()
        if now - self.shown < NOTEBOOK_SECONDS:
            return
        self.shown = now
        self.handle.update(_Bar(str(event), _share(event)))

    def end(self, line: str) -> None:
        self.handle.update(_Bar(line, None))


def _share(event: Event) -> float:
    """Return how much of a run, or of a study, is done; every stage and every run counts alike."""
    if event.runs:
        return (event.run_number - 1 + _share(replace(event, runs=0))) / event.runs
    if not event.of:
        return 0.0
    within = event.count / event.total if event.state == "working" and event.total else 0.0
    before = event.number if event.state in ("done", "kept") else event.number - 1 + min(within, 1.0)
    return before / event.of
