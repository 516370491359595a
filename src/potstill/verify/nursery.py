"""The near side of the pool's processes: the nursery that was started, and one worker on its socket.

Started is `python -c` with a fixed line and this process's module path, never `multiprocessing`: the program's main
module is not imported again, so a script without `if __name__ == "__main__"`, `python -c` and standard input all work.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Literal

from potstill.verify.serving import FORK, KILL, ORDER, SIZE, YIELD

MAX_REPLY = 4 * 2**20
"""Bytes; a worker that sends more is not believed."""
_END_SECONDS = 5.0
_PROCESS_CLOCK = 2
_MAIN = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from potstill.verify.serving import main; main(int(sys.argv[2]))"
)
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Libraries that would start threads of their own: a process with several must not fork."""


Reply = tuple[Literal[True], object] | tuple[Literal[False], list[str]]
"""Whether a call went well, with its result, or else the name of the exception's class and its text."""


class Worker:
    """One worker process, reached over its socket; `number` is its process number once it has said that it is ready."""

    def __init__(self, nursery: Nursery, calls: socket.socket) -> None:
        self.nursery = nursery
        self.number = 0
        self.calls_done = 0
        self.peak_bytes = 0
        self.yields = False
        self._calls = calls

    def greet(self, seconds: float) -> None:
        """Wait until it is ready; raises TimeoutError, EOFError, or ValueError with the reason why it is not."""
        if self.number:
            return
        reply = self.receive(time.monotonic() + seconds)
        if not reply[0]:
            raise ValueError(": ".join(reply[1]))
        if not isinstance(reply[1], int):
            raise ValueError("no greeting")
        self.number = reply[1]

    def idle(self) -> bool:
        """Whether nothing came from it, not even its end; before it said that it is ready, that is still to come."""
        poll = select.poll()
        poll.register(self._calls, select.POLLIN)
        return not self.number or not poll.poll(0)

    def send(self, request: bytes, deadline: float) -> None:
        """Send a call; TimeoutError where the worker does not take it by the deadline."""
        self._calls.settimeout(_left(deadline))
        self._calls.sendall(SIZE.pack(len(request)) + request)
        self.calls_done += 1

    def answers_within(self, seconds: float) -> bool:
        """Whether a reply begins to arrive within so many seconds."""
        poll = select.poll()
        poll.register(self._calls, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def receive(self, deadline: float) -> Reply:
        """Return the next reply: plain data, whatever the worker is up to.

        Raises TimeoutError at the deadline, EOFError when the worker ended, ValueError for what is no reply.
        """
        (size,) = SIZE.unpack(self._exactly(SIZE.size, deadline))
        if size > MAX_REPLY:
            raise ValueError(f"a reply of {size:,} bytes")
        try:
            reply = json.loads(self._exactly(size, deadline))
        except RecursionError as error:
            raise ValueError("a reply nested too deep") from error
        match reply:
            case [True, result, int(peak)]:
                self.peak_bytes = peak
                return True, result
            case [False, [str(), str()] as failure, int(peak)]:
                self.peak_bytes = peak
                return False, failure
        raise ValueError("a reply of another shape")

    def close(self) -> None:
        """Close our end; a worker that waits for a call ends by itself."""
        self._calls.close()

    def kill(self) -> None:
        """Have it killed with all that it started; one that is not ready yet ends by itself."""
        self.close()
        self.nursery.tell(KILL, self.number)

    def make_yield(self) -> None:
        """Lower its priority, for good."""
        self.yields = True
        self.nursery.tell(YIELD, self.number)

    def processor_seconds(self) -> float:
        """Return the processor time that it has used so far; 0 where the system does not tell."""
        if sys.platform != "linux":
            return 0.0
        try:
            return time.clock_gettime((~self.number << 3) | _PROCESS_CLOCK)  # as clock_getcpuclockid(3) makes it
        except OSError:
            return 0.0

    def _exactly(self, size: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._calls.settimeout(_left(deadline))
            part = self._calls.recv(min(size - len(parts), 2**20))
            if not part:
                raise EOFError("it ended")
            parts += part
        return bytes(parts)


class Nursery:
    """The process that workers are forked from, for the calls of one pool.

    It ends, and its workers with it, when this object is closed or collected and when this process ends in any way.
    """

    def __init__(self, prepare: Callable[[], None], memory_bytes: int, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        path = json.dumps([entry or os.getcwd() for entry in sys.path if isinstance(entry, str)])
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and a fixed line
                [sys.executable, "-P", "-c", _MAIN, path, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**environment, **_ONE_THREAD, "PYTHONHASHSEED": "0"},
                process_group=0,  # an interrupt at the terminal is for us alone
            )
        self._control = ours
        self._lock = threading.Lock()
        setup = pickle.dumps((prepare, memory_bytes))
        ours.sendall(SIZE.pack(len(setup)) + setup)
        self._end = weakref.finalize(self, _end, ours, self._process)

    def alive(self) -> bool:
        """Whether the process is there."""
        return self._end.alive and self._process.poll() is None

    def fork(self) -> Worker:
        """Ask for a worker, which says by itself when it is ready; raises OSError where the nursery is gone."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            socket.send_fds(self._control, [ORDER.pack(FORK, 0)], [theirs.fileno()])
        return Worker(self, ours)

    def tell(self, order: bytes, number: int) -> None:
        """Give an order about the worker with this process number; without effect where it is dead already."""
        try:
            with self._lock:
                self._control.sendall(ORDER.pack(order, number))
        except OSError:  # the nursery is gone, and its workers with it
            return

    def close(self) -> None:
        """End the nursery and its workers."""
        self._end()

    def forget(self) -> None:
        """Let go of what belongs to the process that we were forked from, without ending it."""
        self._end.detach()
        self._control.close()
        self._process.returncode = 0  # no child of ours


def _end(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    control.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
