"""One spawned process that runs code we do not vouch for, limited in memory and killed at its deadline.

First form, one worker and one call at a time; it guards against scorers that hang, grow or crash. It is no sandbox:
what it runs is a scorer that the recipe named, and no model text is ever evaluated in it.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, cast

START_SECONDS = 60.0
"""For a new worker to start and import what it needs; not counted against a call's deadline."""
MEMORY_BYTES = 2 * 1024**3


class WorkerTimeoutError(Exception):
    """The call did not return by its deadline; the worker was killed."""


class WorkerDiedError(Exception):
    """The worker ended, or could not start: a crash, or no memory left for it."""


class CallFailedError(Exception):
    """The called function raised; the message names the exception."""


class Worker:
    """Calls `function(*arguments)` in another process; both travel by pickle."""

    def __init__(self, prepare: Callable[[], None]) -> None:
        self._prepare = prepare
        self._lock = threading.Lock()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        atexit.register(self.close)

    def call(self, function: Callable[..., object], *arguments: object, seconds: float) -> object:
        """Return the function's result; `seconds` count from the moment that the worker is ready.

        Raises `WorkerTimeoutError`, `WorkerDiedError` or `CallFailedError`; the next call after a kill starts
        a new worker.
        """
        with self._lock:
            pipe = self._ready()
            try:
                pipe.send((function, arguments))
                if not pipe.poll(seconds):
                    self._kill()
                    raise WorkerTimeoutError
                good, result = cast("tuple[bool, object]", pipe.recv())
            except (EOFError, OSError) as error:
                self._kill()
                raise WorkerDiedError(type(error).__name__) from error
        if not good:
            raise CallFailedError(str(result))
        return result

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            self._kill()

    def _ready(self) -> Connection:
        if self._pipe is not None and self._process is not None and self._process.is_alive():
            return self._pipe
        self._kill()
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_serve, args=(theirs, self._prepare), daemon=True)
        process.start()
        theirs.close()
        self._process, self._pipe = process, ours
        try:
            if ours.poll(START_SECONDS):
                ours.recv()
                return ours
        except (EOFError, OSError) as error:
            self._kill()
            raise WorkerDiedError("the worker ended while starting") from error
        self._kill()
        raise WorkerDiedError("the worker did not start")

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _serve(pipe: Connection, prepare: Callable[[], None]) -> None:
    """Answer calls until the other side is gone. Runs in the worker."""
    import resource
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # macOS refuses a limit below what is mapped already
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    pipe.send((True, os.getpid()))
    while True:
        try:
            function, arguments = cast("tuple[Callable[..., Any], tuple[object, ...]]", pipe.recv())
        except EOFError:
            return
        try:
            reply = (True, function(*arguments))
        except Exception as error:  # noqa: BLE001 - whatever a scorer raises is its failure, reported to the caller
            reply = (False, f"{type(error).__name__}: {error}"[:300])
        pipe.send(reply)
