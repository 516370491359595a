"""Events of a run for other processes: lines of JSON down a pipe whose reader keeps the run alive, or into a file."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import signal
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from potstill.durable import writing
from potstill.errors import PotstillError
from potstill.progress import Event, Listener, listening

NOTE = ".progress"
"""In a run folder while a run goes on: its newest event, for whoever looks in."""
NOTE_SECONDS = 1.0
MOST_CHARACTERS = 500
"""Of a note: a line stays below what a pipe takes at once (PIPE_BUF), so it arrives whole or not at all."""
_STANDARD = 2


def written(event: Event) -> str:
    """Return an event as one line of JSON, without what it does not say."""
    fields = dataclasses.fields(event)
    said = {f.name: getattr(event, f.name) for f in fields if getattr(event, f.name) != f.default}
    return json.dumps({**said, "state": event.state, "note": event.note[:MOST_CHARACTERS]}) + "\n"


def read(line: str | bytes) -> Event | None:
    """Return the event of a line; None where that is cut off or of another version."""
    try:
        said: dict[str, Any] = json.loads(line)
        return Event(**said)
    except (ValueError, TypeError):
        return None


@contextmanager
def told_to(where: str | None) -> Iterator[None]:
    """Write the events of the block to a file, or to a descriptor that this process was started with, by its number.

    Where that is a pipe, its reader keeps the run alive: when it closes its end, however it ended, this process is
    interrupted as by Ctrl-C. A reader that does not read never holds up the run: what finds no room is left out.

    Raises:
        PotstillError: there is no such descriptor, or the file cannot be written.
    """
    if where is None:
        yield
        return
    descriptor, over = _opened(where), threading.Event()
    pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode) or stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    os.set_inheritable(descriptor, False)  # a child that outlives this process would keep the pipe open
    if pipe:
        if descriptor > _STANDARD:
            os.set_blocking(descriptor, False)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell has it for what runs in its background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=_end_with_reader, args=(descriptor, over), daemon=True).start()
    try:
        with listening(_writer(descriptor)):
            yield
    finally:
        over.set()


def _opened(where: str) -> int:
    if not where.isdecimal():
        with writing(Path(where)):
            return os.open(where, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.fstat(int(where))
    except (OSError, OverflowError):
        raise PotstillError(f"--events {where[:20]}: no descriptor of that number is open: name a file") from None
    return int(where)


def _writer(descriptor: int) -> Listener:
    def tell(event: Event) -> None:
        # The reader is behind or has gone, or the disk is full: a run is not lost over what is shown of it.
        with suppress(OSError):
            os.write(descriptor, written(event).encode())

    return tell


def _end_with_reader(descriptor: int, over: threading.Event) -> None:
    """Interrupt this process when nobody can read what is written any more, unless the work is over."""
    waiting = select.poll()
    waiting.register(descriptor, 0)  # errors and hang-ups come unasked
    waiting.poll()
    if not over.is_set():
        os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def noted_in(folder: Path) -> Iterator[None]:
    """Keep the newest event of the block in a run folder, for `latest`."""
    path = folder / NOTE
    written_at = 0.0

    def note(event: Event) -> None:
        nonlocal written_at
        now = time.monotonic()
        if event.state == "working" and now - written_at < NOTE_SECONDS:
            return
        written_at = now
        with suppress(OSError):  # as above; what matters is written elsewhere, and refused there
            path.write_text(written(event), encoding="utf-8")  # `latest` takes half a line for none

    try:
        with listening(note):
            yield
    finally:
        with suppress(OSError):
            path.unlink()


def latest(folder: Path) -> Event | None:
    """Return the newest event that a run has noted in its folder, None where there is none."""
    try:
        return read((folder / NOTE).read_bytes())
    except OSError:
        return None
