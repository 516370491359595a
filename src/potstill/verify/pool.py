"""Calls that may hang, grow or crash, in worker processes that are limited in memory and killed at a deadline.

It guards against what takes too much; it is no sandbox, and what it runs is our own code and the user's, never a
model's.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import pickle
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NoReturn

from potstill.hardware import processors
from potstill.verify.allowance import Allowance
from potstill.verify.nursery import Nursery, Worker

START_SECONDS = 120.0
"""For the imports of a first worker on a busy machine; never counted against a call."""
LATE_SECONDS = 0.05
"""A call that takes longer takes nobody's turn: the next one has it, on another worker."""
BUSY_SECONDS = 0.08
"""A worker that used more processor time than this for one call gives way to the others, for good."""
FIRST_SECONDS = 1.0
"""The same for a worker's first call, which may have to import what it calls: a worker that yields serves no other."""
CALLS_A_WORKER = 2_000
"""Then it is replaced, so that what its libraries cache does not grow."""
_PLAIN = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "TMPDIR")


class WorkerTimeoutError(Exception):
    """The call did not return by its deadline; its worker was killed."""


class WorkerDiedError(Exception):
    """The worker ended, could not start, or sent what is no reply."""


class CallFailedError(Exception):
    """The called function raised, or returned what is not plain data; `kind` is the name of the exception's class."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}" if text else kind)
        self.kind = kind


class QueueFullError(Exception):
    """As many calls as may wait are waiting."""


Job = tuple["Future[object]", Callable[[], object]]


@dataclass(slots=True)
class _Turn:
    """One call's place among the running ones; a late one has passed its place on."""

    worker: Worker
    late: bool = False


class Pool:
    """Up to `workers` processes that answer calls from any thread and any event loop.

    Callers wait for their turn, at most `waiting` of them. A call that is late lets the next one have its turn, so
    that up to twice as many processes are at work while some are stuck. Processes start with the first call or with
    `start`, and again after `close`. A forked child of this process starts its own.

    `prepare` runs once before the first call: it imports what calls need. A worker may map `memory_bytes`, its imports
    included, and is replaced when half of that was resident. It sees `environment` and nothing else of ours.
    """

    def __init__(
        self,
        prepare: Callable[[], None],
        *,
        workers: int,
        memory_bytes: int,
        waiting: int,
        environment: Mapping[str, str],
    ) -> None:
        self._prepare = prepare
        self._workers = workers
        self._memory_bytes = memory_bytes
        self._waiting = waiting
        self._environment = dict(environment)
        self._nursery: Nursery | None = None
        self._reset()
        _POOLS.add(self)

    def _reset(self) -> None:
        self._turns = threading.Condition()
        self._idle: list[Worker] = []
        self._running = self._late = self._admitted = self._threads = 0
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()

    def start(self) -> None:
        """Start the workers and return at once; they get ready while the caller goes on."""
        with self._turns:
            while len(self._idle) + self._running < self._workers:
                self._idle.append(self._fork())

    def call(self, function: Callable[..., object], *arguments: object, seconds: float | Allowance) -> object:
        """Return `function(*arguments)` as plain data (tuples become lists); waits for a turn first.

        `function` is one that a module holds under its name. `seconds` count from the moment that a ready worker is
        given the call; an allowance is charged with what the call took. Raises `WorkerTimeoutError`,
        `WorkerDiedError`, `CallFailedError` or `QueueFullError`.
        """
        request = pickle.dumps((function, arguments))
        with self._admission():
            return self._run(request, seconds)

    async def acall(self, function: Callable[..., object], *arguments: object, seconds: float) -> object:
        """Do as `call` does, without blocking the event loop; a cancelled call still runs to its end."""
        request = pickle.dumps((function, arguments))
        with self._admission():
            future: Future[object] = Future()
            with self._turns:
                if self._threads < 2 * self._workers:
                    self._threads += 1
                    threading.Thread(target=_work, args=(self._jobs,), daemon=True).start()
            self._jobs.put((future, lambda: self._run(request, seconds)))
            return await asyncio.wrap_future(future)

    def close(self) -> None:
        """End the workers; calls under way fail."""
        with self._turns:
            idle, self._idle, nursery, self._nursery = self._idle, [], self._nursery, None
            threads, self._threads = self._threads, 0
            jobs, self._jobs = self._jobs, queue.SimpleQueue()
        for _ in range(threads):
            jobs.put(None)
        for worker in idle:
            worker.close()
        if nursery is not None:
            nursery.close()

    @contextlib.contextmanager
    def _admission(self) -> Iterator[None]:
        with self._turns:
            if self._admitted >= self._waiting + self._workers:
                raise QueueFullError(f"{self._waiting:,} calls are waiting")
            self._admitted += 1
        try:
            yield
        finally:
            with self._turns:
                self._admitted -= 1

    def _run(self, request: bytes, seconds: float | Allowance) -> object:
        turn = self._take_turn()
        worker, whole = turn.worker, False
        began = None
        try:
            _greet(worker)
            limit = seconds.left if isinstance(seconds, Allowance) else seconds
            began = time.monotonic()
            deadline = began + limit
            worker.send(request, deadline)
            self._await_reply(turn, deadline)
            reply = worker.receive(deadline)
            whole = True
        except TimeoutError as error:
            raise WorkerTimeoutError(f"no result within {limit:g} s") from error
        except (EOFError, OSError, ValueError) as error:
            raise WorkerDiedError(f"the worker's process failed: {error}") from error
        finally:
            if began is not None and isinstance(seconds, Allowance):
                seconds.charge(time.monotonic() - began)
            self._give_back(turn, whole)
        if reply[0]:
            return reply[1]
        raise CallFailedError(*reply[1])

    def _await_reply(self, turn: _Turn, deadline: float) -> None:
        """Wait until a reply begins or the deadline is there; a late call must not hold up the others."""
        worker, used = turn.worker, turn.worker.processor_seconds()
        allowed = BUSY_SECONDS if worker.calls_done > 1 else FIRST_SECONDS
        while not worker.answers_within(min(LATE_SECONDS, deadline - time.monotonic())):
            if time.monotonic() >= deadline:
                return
            if not turn.late:
                self._pass_on(turn)
            if not worker.yields and worker.processor_seconds() - used > allowed:
                worker.make_yield()

    def _take_turn(self) -> _Turn:
        """Wait for a turn; return an idle worker, or a new one that is still getting ready."""
        with self._turns:
            while self._running >= self._workers:
                self._turns.wait()
            while self._idle:
                worker = self._idle.pop()
                if worker.idle():
                    break
                worker.kill()  # it died, or talks without being asked
            else:
                try:
                    worker = self._fork()
                except OSError as error:
                    self._turns.notify()
                    raise WorkerDiedError(f"no worker can be started: {error}") from error
            self._running += 1
            return _Turn(worker)

    def _fork(self) -> Worker:
        """Ask for a new worker, in a new nursery where the old one is gone. Called with the lock."""
        if self._nursery is None or not self._nursery.alive():
            if self._nursery is not None:
                self._nursery.close()
            self._nursery = Nursery(self._prepare, self._memory_bytes, self._environment)
        return self._nursery.fork()

    def _pass_on(self, turn: _Turn) -> None:
        """Let another call have this one's turn, unless as many have done so already as there are workers."""
        with self._turns:
            if self._late < self._workers:
                turn.late = True
                self._late += 1
                self._running -= 1
                self._turns.notify()

    def _give_back(self, turn: _Turn, whole: bool) -> None:
        """End a turn: keep the worker for the next call, or replace it without waiting for that."""
        worker = turn.worker
        fresh = worker.calls_done < CALLS_A_WORKER and 2 * worker.peak_bytes < self._memory_bytes
        with self._turns:
            if turn.late:
                self._late -= 1
            else:
                self._running -= 1
            if whole and fresh and not worker.yields and worker.nursery is self._nursery:
                self._idle.append(worker)
            else:
                worker.kill()
                if self._nursery is not None and len(self._idle) + self._running < self._workers:
                    with contextlib.suppress(OSError):  # the next call meets it again, and tells
                        self._idle.append(self._fork())
            self._turns.notify()

    def forget(self) -> None:
        """Let go of the workers of the process that we were forked from."""
        for worker in self._idle:
            worker.close()
        if self._nursery is not None:
            self._nursery.forget()
            self._nursery = None
        self._reset()


def _greet(worker: Worker) -> None:
    try:
        worker.greet(START_SECONDS)
    except TimeoutError as error:
        raise WorkerDiedError(f"the worker was not ready within {START_SECONDS:g} s") from error
    except (EOFError, OSError, ValueError) as error:
        raise WorkerDiedError(f"the worker could not start: {error}") from error


def _work(jobs: queue.SimpleQueue[Job | None]) -> None:
    """Run what event loops asked for, in a thread of the pool's."""
    while (job := jobs.get()) is not None:
        future, run = job
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(run())
        except BaseException as error:  # noqa: BLE001 - the one who awaits it gets it, whatever it is
            future.set_exception(error)


_POOLS: weakref.WeakSet[Pool] = weakref.WeakSet()


def _forget_all() -> None:
    for pool in list(_POOLS):
        pool.forget()


def _close_all() -> None:
    for pool in list(_POOLS):
        pool.close()


os.register_at_fork(after_in_child=_forget_all)
atexit.register(_close_all)


def _import_symbolic() -> None:
    """Import what comparisons need, and take sympy's parser away: it evaluates text, and no text may reach it."""
    from sympy.parsing import sympy_parser

    import potstill.verify.symbolic.build  # noqa: F401

    sympy_parser.parse_expr = _refuse


def _refuse(text: object, *_: object, **__: object) -> NoReturn:
    raise TypeError(f"no text is evaluated here: {str(text)[:80]!r}")


_SYMBOLIC = Pool(
    _import_symbolic,
    workers=min(2, processors()),
    memory_bytes=512 * 2**20,
    waiting=16_384,
    environment={name: os.environ[name] for name in _PLAIN if name in os.environ},
)


def symbolic_pool() -> Pool:
    """Return the one pool of this process for symbolic comparison; its processes start with the first call."""
    return _SYMBOLIC
