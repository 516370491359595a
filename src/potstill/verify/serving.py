"""The far side of the pool: a nursery process that forks workers, and the workers, which answer calls.

The nursery imports what the calls need once and has a single thread, so that a fork gives a ready worker in
milliseconds; it never sees a call. A worker answers one call after the other on a socket of its own. Requests are
pickles, for they come from the process that started us; replies are JSON, for a worker that was taken over must not
be able to hand its parent anything but plain data.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from typing import NoReturn

ORDER = struct.Struct("!cq")
"""What the nursery is told: `FORK` (with the worker's socket), `KILL` or `YIELD`, and a process number."""
FORK, KILL, YIELD = b"f", b"k", b"y"
SIZE = struct.Struct("!Q")
"""Before each request and each reply: its length in bytes."""
NICENESS = 15
"""Added to that of a worker which is told to yield: beside busy ones it gets about a thirtieth of a core."""
_HEADROOM = 64 * 2**20
_PR_SET_PDEATHSIG = 1


def main(control_number: int) -> NoReturn:
    """Be the nursery, told what to do over the socket with this file number, until its other end is closed."""
    control = socket.socket(fileno=control_number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout = sys.stderr  # what a checker prints must not land among the results of a command
    memory_bytes, failure = 0, ["", ""]
    try:
        prepare, memory_bytes = pickle.loads(_receive(control))  # noqa: S301 - from the process that started us
        prepare()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever keeps us from starting is told to who asks
        failure = _told(error)
    if sys.platform == "linux":
        import ctypes  # noqa: F401 - loaded before the forks
    gc.collect()
    gc.freeze()  # what was imported stays shared between the workers
    children: set[int] = set()
    for order, number, calls in _orders(control, children):
        if order == FORK and calls is not None:
            with calls:
                if any(failure):
                    calls.sendall(_framed(False, failure))
                else:
                    _fork(calls, control, memory_bytes, children)
        elif order == KILL and number in children:
            _kill(number)
        elif order == YIELD and number in children:
            os.setpriority(os.PRIO_PGRP, number, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)  # 19 is the most
    for number in children:
        _kill(number)
    for number in children:
        os.waitpid(number, 0)
    os._exit(0)


def _kill(number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS refuses a group whose only member is dead
        os.killpg(number, signal.SIGKILL)


def _orders(control: socket.socket, children: set[int]) -> Iterator[tuple[bytes, int, socket.socket | None]]:
    """Yield the parent's orders until it is gone; buries dead children meanwhile, and forgets them."""
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready = select.select([control.fileno(), woken], [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
            while children and (number := os.waitpid(-1, os.WNOHANG)[0]):
                children.discard(number)
        if control.fileno() in ready:
            order, passed, _, _ = socket.recv_fds(control, ORDER.size, 1)
            while order and len(order) < ORDER.size and (rest := control.recv(ORDER.size - len(order))):
                order += rest
            if len(order) < ORDER.size:
                return
            name, number = ORDER.unpack(order)
            yield name, number, socket.socket(fileno=passed[0]) if passed else None


def _fork(calls: socket.socket, control: socket.socket, memory_bytes: int, children: set[int]) -> None:
    nursery = os.getpid()
    number = os.fork()
    if number:
        os.setpgid(number, number)  # here and there, whoever comes first: it is killed as a group
        children.add(number)
        return
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        _serve(calls, _confine(nursery, memory_bytes))
    finally:
        os._exit(0)


def _confine(nursery: int, memory_bytes: int) -> list[str]:
    """Limit this worker and tie its life to the nursery's; return why it cannot work, or two empty texts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":  # macOS refuses a limit below what is mapped already
        return ["", ""]
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != nursery:  # it died before the call above
        os._exit(0)
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # where memory runs out, the kernel takes us and not our parent
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    if mapped + _HEADROOM > memory_bytes:
        return ["MemoryError", f"{mapped:,} bytes are mapped before the first call, of {memory_bytes:,} allowed"]
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    return ["", ""]


def _serve(calls: socket.socket, failure: list[str]) -> None:
    """Say that we are ready, then answer calls until the other side is gone."""
    calls.sendall(_framed(False, failure) if any(failure) else _framed(True, os.getpid()))
    while not any(failure):
        try:
            request = _receive(calls)
        except (EOFError, OSError):
            return
        try:
            function, arguments = pickle.loads(request)  # noqa: S301 - from the process that started us
            reply = _framed(True, function(*arguments))
        except Exception as error:  # noqa: BLE001 - whatever a call raises is its failure, told to the caller
            reply = _framed(False, _told(error))
        calls.sendall(reply)


def _framed(good: bool, result: object) -> bytes:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    reply = json.dumps([good, result, peak]).encode("ascii")
    return SIZE.pack(len(reply)) + reply


def _told(error: BaseException) -> list[str]:
    return [type(error).__name__, " ".join(str(error).split())[:300]]


def _receive(source: socket.socket) -> bytes:
    """Return the next frame; EOFError when the other side is gone."""
    (size,) = SIZE.unpack(_exactly(source, SIZE.size))
    return _exactly(source, size)


def _exactly(source: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = source.recv(min(size - len(parts), 2**20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
