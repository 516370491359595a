"""A run in a process of its own, which ends with the process that started it and loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

from potstill.api.given import CALLED
from potstill.errors import PotstillError
from potstill.events import read
from potstill.interrupt import INTERRUPTED
from potstill.progress import Event
from potstill.temporary import temporary_folder

F = TypeVar("F")
KEPT_EVENTS = 10_000
"""Events that wait for a slow reader; older ones are left out."""
TAIL = 4000
"""Characters of what a process said last, read where it ended without a word of potstill's own."""
STOP_SECONDS = 60.0
"""After this a process that was interrupted is killed: nothing is lost by that."""


class RunError(PotstillError):
    """A run that ended before it was done: its one line, or what is known of its end."""


class RunInterruptedError(RunError):
    """A run that was stopped; running it again goes on from there."""


class Running(Generic[F]):
    """A run under way. Iterate over it for its events; `wait` for its result; `stop` it at any time.

    The process ends when this object's process ends, however that happens, as by Ctrl-C. What it has done is kept.
    """

    def __init__(
        self, command: str, arguments: Sequence[str], folder: Path, opened: Callable[[Path], F], recipe: str | None
    ) -> None:
        """Start a command; `opened` opens its folder, `recipe` is the text of its first argument if that is no file."""
        self.folder, self._opened = folder, opened
        self._news = threading.Condition()
        self._events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._counted = 0
        self._ended = False
        self._stopped = False
        self._last_words = ""
        self._scratch = ExitStack()
        scratch = self._scratch.enter_context(temporary_folder("python"))
        self._recipe, self._said = scratch / "recipe.yaml", scratch / "said.txt"
        if recipe is not None:
            self._recipe.write_text(recipe, encoding="utf-8")
        reading = self._start([command, *([] if recipe is None else [str(self._recipe)]), *arguments])
        threading.Thread(target=self._listen, args=(reading,), daemon=True).start()

    def _start(self, arguments: Sequence[str]) -> int:
        """Start the process; return the descriptor that its events come from."""
        reading, writing = os.pipe()
        try:
            with self._said.open("wb") as said:
                self._process = subprocess.Popen(  # noqa: S603 - ourselves
                    # -P: modules of the current folder hide no others.
                    [sys.executable, "-P", "-m", "potstill", *arguments, "--events", str(writing)],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, pass_fds=(writing,),
                    start_new_session=True,  # Ctrl-C reaches it once, from here
                )  # fmt: skip
        except OSError as error:
            os.close(reading)
            self._scratch.close()
            raise RunError(f"no process can be started for the run: {error.strerror}") from error
        finally:
            os.close(writing)
        return reading

    def _listen(self, reading: int) -> None:
        with os.fdopen(reading, "rb") as lines:
            for line in lines:
                event = read(line)
                if event is not None:
                    with self._news:
                        self._events.append(event)
                        self._counted += 1
                        self._news.notify_all()
        if self._process.wait() != 0:
            self._last_words = self._mistake()
        self._scratch.close()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def pid(self) -> int:
        """The process that runs it."""
        return self._process.pid

    @property
    def done(self) -> bool:
        """Whether the process has ended, well or not."""
        return self._ended

    def __iter__(self) -> Iterator[Event]:
        """Yield what has happened and what happens, until the run ends."""
        seen = 0
        while True:
            with self._news:
                while self._counted == seen and not self._ended:
                    self._news.wait()
                events = list(self._events)[-(self._counted - seen) :] if self._counted > seen else []
                seen = self._counted
            if not events:
                return
            yield from events

    def wait(self) -> F:
        """Wait for the end; return the folder, opened.

        Raises:
            RunInterruptedError: it was stopped.
            RunError: it ended otherwise, with the line that it said.
        """
        with self._news:
            self._news.wait_for(lambda: self._ended)
        code = self._process.returncode
        if code == 0:
            return self._opened(self.folder)
        if code == INTERRUPTED or self._stopped:
            raise RunInterruptedError(f"{self.folder}: the run was stopped; run it again, and it goes on from there")
        raise RunError(self._last_words or _unexplained(code))

    def stop(self) -> None:
        """Interrupt the run, and wait until it has ended; what is done is kept. Does nothing where it has ended."""
        self._stopped = not self._ended
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        with self._news:
            self._news.wait_for(lambda: self._ended)

    def kill(self) -> None:
        """End the process at once; what is done is kept."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Running[F]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        if self._ended:
            return f"<run in {self.folder}, ended>"
        at = self._events[-1] if self._events else "starting"
        return f"<run in {self.folder}: {at}>"

    def _mistake(self) -> str:
        """Return the line of a mistake as the process said it, without the name of a file that only it read."""
        lines = self._said.read_text(encoding="utf-8", errors="replace")[-TAIL:].splitlines()
        told = [line.removeprefix("potstill: ") for line in lines if line.startswith("potstill: ")]
        if told:
            return told[-1].replace(str(self._recipe), CALLED)
        return f"the run failed: {lines[-1]}" if lines else ""


def _unexplained(code: int) -> str:
    if code >= 0:
        return f"the run ended with exit code {code} and said nothing"
    name = signal.Signals(-code).name
    why = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
    return f"the run was ended by {name}{why}; what is done is kept, run it again to go on"


def arguments_of(options: dict[str, object]) -> list[str]:
    """Return options as the command line has them: true ones alone, others with their value."""
    found: list[str] = []
    for name, value in options.items():
        if value is True:
            found.append(f"--{name}")
        elif value not in (None, False):
            found += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
    return found
