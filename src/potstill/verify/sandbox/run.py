"""The sandbox as callers see it: run a program to its end, or keep one and talk with it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType, TracebackType

from potstill.verify.sandbox.limits import Limits, Ran
from potstill.verify.sandbox.running import Confinement, RunningProgram

NO_FILES: Mapping[str, bytes] = MappingProxyType({})
DEFAULT = Limits()


class Session:
    """A live program with a private two-way channel, for drivers of ours that call candidates' code.

    The driver finds the descriptor of its end as the global `CHANNEL` and a number used once as `NONCE`; it must take
    both and delete them before it runs the candidate's code. Not for more than one thread at a time.
    """

    def __init__(self, running: RunningProgram) -> None:
        self.nonce = running.nonce
        self._running = running
        self._ran: Ran | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def send(self, line: bytes) -> None:
        """Send one line, with the line's end added. To a program that has ended it does nothing."""
        self._running.send(line + b"\n")

    def receive(self, seconds: float) -> bytes | None:
        """Return the next line that the program sent; None when it has ended, or the time is up, which ends it."""
        until = time.monotonic() + seconds
        while (line := self._running.line()) is None and not self._running.over:
            if time.monotonic() >= until:
                self._running.end("timeout")
            else:
                self._running.turn(until)
        return line

    def finish(self) -> Ran:
        """End the program if it still runs, and say how it went: ("exit", None) if it was within its limits."""
        if self._ran is None:
            self._ran = self._running.finish()
        return self._ran


class Sandbox:
    """Runs untrusted Python programs. One object per process, for any number of threads."""

    def __init__(self, confinement: Confinement) -> None:
        self._confinement = confinement

    @property
    def isolation(self) -> str:
        """What keeps programs apart, in short: for the verdict."""
        return self._confinement.isolation

    def run(
        self, program: bytes, *, stdin: bytes = b"", limits: Limits = DEFAULT, files: Mapping[str, bytes] = NO_FILES
    ) -> Ran:
        """Run a program (Python source) to its end or its limit; nothing of it is left afterwards.

        `files` are put into its working folder, by relative name. Raises `SandboxError` where the sandbox fails, never
        for what a program does.
        """
        for name in files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(f"not a relative name: {name!r}")
        running = RunningProgram(self._confinement, program, stdin, limits, files, talk=False)
        try:
            while not running.over:
                running.turn(running.deadline)
        finally:
            ran = running.finish()
        return ran

    def open(self, program: bytes, *, limits: Limits = DEFAULT) -> Session:
        """Start a program to talk with; `limits.seconds` are for the whole session. See `Session` and `run`.

        The kernel ends the program with the thread that opened it, so that nothing outlives a crash of ours.
        """
        return Session(RunningProgram(self._confinement, program, b"", limits, NO_FILES, talk=True))
