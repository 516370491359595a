"""Judging under watch: what it opens, runs and writes, here and in the workers, its time and its memory."""

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

import psutil

from potstill.verify import pool as pools
from potstill.verify.answers import judge_answer, judge_response

SECONDS = 1.0
"""The deadline of one comparison."""
GRACE = 0.5
MEMORY = 512 * 2**20
ALWAYS = (
    "os.system", "os.exec", "os.posix_spawn", "os.startfile", "os.remove", "os.rename", "os.rmdir", "os.mkdir",
    "os.link", "os.symlink", "os.truncate", "os.putenv", "os.unsetenv", "subprocess.Popen", "socket.connect",
    "socket.bind", "socket.getaddrinfo", "urllib.Request", "pty.spawn", "webbrowser.open",
    "code.__new__",
)  # fmt: skip
_ASKING = threading.local()
_SEEN = []


def alarming(event, arguments):
    """Whether an audit event is one that no judging needs: running or writing anything, or evaluating text."""
    if event in ALWAYS:
        return True
    if event == "ctypes.dlopen":
        return arguments[0] is not None  # a worker ties its life to its parent's by a call of the C library it has
    if event == "open":
        path, mode, flags = arguments
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & 3)
        return bool(writes) and path != "/proc/self/oom_score_adj"
    if event == "compile":
        return _is_text(arguments[1]) and not _expected()
    if event == "exec":
        return _is_text(arguments[0].co_filename) and not _expected()
    return False


def _is_text(name):
    name = os.fsdecode(name) if isinstance(name, bytes) else str(name)
    return name.startswith("<") and not name.startswith("<frozen")


def _expected():
    """Whether a module is being imported, whose body may make classes, or sympy unrolls a loop over monomials.

    The text of that loop is made of the number of variables alone (sympy/polys/monomials.py).
    """
    frame = sys._getframe()
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib") or name.endswith(os.path.join("sympy", "polys", "monomials.py")):
            return True
        frame = frame.f_back
    return False


def _in_parent(event, arguments):
    if getattr(_ASKING, "now", False) and (event == "pickle.find_class" or alarming(event, arguments)):
        _SEEN.append(f"{event} {arguments!r}"[:300])


sys.addaudithook(_in_parent)


@contextlib.contextmanager
def listening():
    """Remember what this thread does that is alarming."""
    _ASKING.now = True
    try:
        yield
    finally:
        _ASKING.now = False


def prepare():
    """Do what the symbolic pool does, then write every alarm of a worker to the file that its environment names."""
    pools._import_symbolic()
    alarms = os.open(os.environ["POTSTILL_ALARMS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def in_worker(event, arguments):
        if alarming(event, arguments):
            os.write(alarms, f"{event} {arguments!r}"[:300].encode("utf-8", "replace") + b"\n")

    sys.addaudithook(in_worker)


class Watch:
    """What was seen while it was watched."""

    def __init__(self, folder: Path) -> None:
        self.canary = folder / "canary"
        self.file = folder / "alarms"
        self.largest = 0
        self.slowest = 0.0
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def ask(self, case, answer=None):
        """Judge a case; one that takes too long is asked again, for other programs may have had the processor."""
        answer = (case.answer if answer is None else answer).replace("CANARY", str(self.canary))
        judging = judge_response if case.text else judge_answer
        for _ in range(3):
            started = time.monotonic()
            with listening():
                judged = judging(answer, case.gold, case.kind, case.choices, case.policy, seconds=SECONDS)
            taken = time.monotonic() - started
            if taken <= (0.05 if judged.cause == "unsupported" and case.bomb else SECONDS + GRACE):
                break
        self.slowest = max(self.slowest, taken)
        return judged, taken

    def alarms(self):
        """What was run, written or evaluated, and how large a worker became if that was too large; empties the list."""
        found = [*_SEEN, *self.file.read_text(errors="replace").splitlines()]
        if self.canary.exists():
            found.append("the canary is there")
        if self.largest > MEMORY:
            found.append(f"a worker held {self.largest:,} bytes")
        _SEEN.clear()
        self.file.write_text("")
        return found

    def _sample(self):
        while not self._over.wait(0.05):
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(OSError, StopIteration):
                    lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
                    high = next(line for line in lines if line.startswith("VmHWM"))
                    self.largest = max(self.largest, 1024 * int(high.split()[1]))


@contextlib.contextmanager
def watching(folder: Path):
    """Watch this process and a symbolic pool of its own; yields a `Watch`."""
    watch, usual = Watch(folder), pools.symbolic_pool()
    environment = {"PATH": os.environ["PATH"], "POTSTILL_ALARMS": str(watch.file)}
    pool = pools.Pool(prepare, workers=2, memory_bytes=MEMORY, waiting=2_000, environment=environment)
    pools._SYMBOLIC = pool
    try:
        pool.call(os.getpid, seconds=60)
        _warm()
        watch.file.write_text("")
        _SEEN.clear()
        watch._sampler.start()
        yield watch
    finally:
        watch._over.set()
        pools._SYMBOLIC = usual
        pool.close()


def _warm():
    """Judge one answer of every kind, so that what is imported late has been."""
    from verify.hostile import GOLDS, PLAIN

    for gold, kind, choices in GOLDS:
        for answer in (gold, "x^2 + 1", "7"):
            judge_answer(answer, gold, kind, choices, PLAIN, seconds=20.0)
    judge_answer("50 mm", "5 cm", "auto", (), PLAIN, seconds=20.0)
    judge_response("So $5$ it is.", "5", "auto", (), PLAIN, seconds=20.0)
