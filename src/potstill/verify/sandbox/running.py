"""One started program: its pipes, its clock, and the end of everything that it started."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import marshal
import math
import os
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

from potstill.verify.sandbox import cgroup, watch
from potstill.verify.sandbox.interpreter import ENVIRONMENT
from potstill.verify.sandbox.limits import End, Limits, Ran, SandboxError

START_SECONDS = 20.0
"""For the sandbox to be built and the interpreter to start; not counted against the program."""
END_SECONDS = 10.0
"""For a killed tree to be gone."""
CHUNK = 1 << 16
WATCH_SECONDS = 0.1
FIRST_USER, USERS = 61_000, 180
"""Users 61000 to 61179, which no distribution hands out: one for each program that runs at a time, when we are root."""
_TURN = itertools.count(os.getpid())
PIDFD_OPEN = 434
BEGIN = (
    "import marshal,posix,sys;setup=marshal.loads(posix.read(*map(int,sys.argv[1:])));first={};"
    "exec(setup.pop('first'),first);first['main'](setup)"
)
"""What the interpreter is started with: read the setup, run `inside.py`."""


@dataclass(frozen=True)
class Confinement:
    """One way to run programs. `command(limits, filter, information)` is everything up to `-c`; two are descriptors.

    `namespaces`: the tree ends with its first process, whose number comes from `information`. `inside`: what is left
    for the first code in the interpreter to do. `drops_root`: start as another user. `folder`: where working folders
    are made for programs that have no file system of their own. `group`: where control groups are made.
    """

    isolation: str
    command: Callable[[Limits, int, int], list[str]]
    filter: bytes = b""
    namespaces: bool = False
    count_tasks: bool = False
    drops_root: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: ENVIRONMENT)
    folder: Path | None = None
    group: Path | None = None
    inside: Mapping[str, Any] = field(default_factory=dict)


class RunningProgram:
    """A started program. For one thread at a time; bubblewrap ends it when the thread that started it ends."""

    def __init__(
        self, how: Confinement, program: bytes, stdin: bytes, limits: Limits, files: Mapping[str, bytes], *, talk: bool
    ) -> None:
        self.nonce = secrets.token_hex(16) if talk else ""
        self._how, self._limits = how, limits
        self._output = {name: bytearray() for name in ("stdout", "stderr", "status", "information", "channel")}
        self._open: dict[int, str] = {}
        self._poll = select.poll()
        self._ended: End | None = None
        self._exited = False
        self._user: int | None = None
        self._watched = math.inf
        self._group: Path | None = None
        self._channel: socket.socket | None = None
        with contextlib.ExitStack() as resources:
            try:
                self._start(resources, program, stdin, files, talk)
            except OSError as error:
                raise self._not_started(str(error)) from error
            self._resources = resources.pop_all()
        self.started = time.monotonic()
        self.deadline = self.started + START_SECONDS
        try:
            self._join_group()
        except OSError as error:
            self.finish()
            raise self._not_started(f"control group: {error}") from error
        while not self._output["status"] and not self.over:
            self.turn(self.deadline)
        if not self._output["status"]:
            text = self.finish().stderr.decode(errors="replace").strip().splitlines()
            raise self._not_started(text[-1] if text else "no message")
        self.started = self._watched = time.monotonic()
        self.deadline = self.started + limits.seconds

    def _not_started(self, why: str) -> SandboxError:
        return SandboxError(f"the sandbox did not start ({self._how.isolation}): {why}")

    @property
    def over(self) -> bool:
        """Whether it has ended by itself or was ended for a limit."""
        return self._exited or self._ended is not None

    def turn(self, until: float) -> None:
        """Wait for something to happen, at most until that moment of the monotonic clock; read what came.

        Ends the program at its own deadline or past its output.
        """
        now = time.monotonic()
        wait = max(0.0, min(until, self.deadline, now + WATCH_SECONDS) - now)
        for descriptor, _ in self._poll.poll(wait * 1000 + 0.5):
            if descriptor == self._life:
                self._exited = True
                self._poll.unregister(descriptor)
            elif descriptor in self._open:
                self._read(descriptor)
        if self._exited:
            for descriptor in list(self._open):  # what it wrote between the look at its pipes and its end
                while self._read(descriptor):
                    pass
            return
        printed, sent = len(self._output["stdout"]) + len(self._output["stderr"]), len(self._output["channel"])
        if max(printed, sent) > self._limits.output_bytes:
            self.end("output")
        elif time.monotonic() >= self.deadline:
            self.end("timeout")
        elif time.monotonic() >= self._watched + WATCH_SECONDS:
            self._watch()

    def end(self, reason: End) -> None:
        """End the program, and everything that it started, for this reason, unless it is over already."""
        if not self.over:
            self._ended = reason
            self._kill()

    def line(self) -> bytes | None:
        """Take one complete line from the private channel, without its end; None while there is none."""
        buffer = self._output["channel"]
        end = buffer.find(b"\n")
        if end < 0:
            return None
        taken = bytes(buffer[:end])
        del buffer[: end + 1]
        return taken

    def send(self, data: bytes) -> None:
        """Write to the private channel. A program that does not read is ended at its deadline; one that is gone, or
        has closed the channel, is not an error here."""
        view = memoryview(data)
        while view and self._channel is not None and not self.over:
            try:
                view = view[self._channel.send(view) :]
            except BlockingIOError:
                self.turn(time.monotonic() + 0.001)
            except OSError:
                return

    def finish(self) -> Ran:
        """End what is left, read the rest of its output, free everything, and say how it went."""
        alive = not self.over
        self._kill()
        late = time.monotonic() + END_SECONDS
        self.deadline = late
        while not self._exited and time.monotonic() < late:
            self.turn(late)
        seconds = time.monotonic() - self.started
        if self._exited:
            code: int | None = self._process.wait()
        else:
            self._resources.close()
            raise SandboxError(f"a program in the sandbox could not be ended (process {self._process.pid})")
        if self._group is not None and self._ended is None and cgroup.ran_out_of_memory(self._group):
            self._ended = "memory"
        self._resources.close()
        stdout, stderr = bytes(self._output["stdout"]), bytes(self._output["stderr"])
        room = self._limits.output_bytes
        if self._ended is None and len(stdout) + len(stderr) > room:
            self._ended = "output"
        ended, code = self._verdict(code, alive)
        return Ran(ended, code, stdout[:room], stderr[: max(0, room - len(stdout))], seconds)

    def _verdict(self, code: int | None, alive: bool) -> tuple[End, int | None]:
        if self._ended is not None or alive or code is None:
            return self._ended or "exit", None
        if code == 1 and self._output["stderr"].rpartition(b"\n")[0].rpartition(b"\n")[2].startswith(b"MemoryError"):
            return "memory", code
        if self._how.namespaces and 128 < code <= 128 + signal.SIGRTMAX:  # how bubblewrap passes on a signal
            code = 128 - code
        return ("signal" if code < 0 else "exit"), code

    def _start(
        self, ours: contextlib.ExitStack, program: bytes, stdin: bytes, files: Mapping[str, bytes], talk: bool
    ) -> None:
        how, limits = self._how, self._limits
        with contextlib.ExitStack() as theirs:
            out, error = self._pipe("stdout", ours, theirs), self._pipe("stderr", ours, theirs)
            information = self._pipe("information", ours, theirs) if how.namespaces else -1
            status = self._pipe("status", ours, theirs)
            channel = self._pair(ours, theirs) if talk else -1
            rules = _content(how.filter, theirs) if how.filter else -1
            user = self._user = ours.enter_context(_user()) if how.drops_root else None
            folder = ours.enter_context(_working_folder(how.folder, files, user)) if how.folder else None
            setup = {
                "first": _first_code(), "program": program, "files": {} if folder else dict(files),
                "status": status, "channel": channel, "nonce": self.nonce,
                "confine": {**how.inside, "parent": os.getpid()} if how.inside else {},
                "resources": limits.resources(count_tasks=how.count_tasks),
            }  # fmt: skip
            waits = self._make_group(how.group, ours, theirs) if how.group else -1
            setup["waits"] = waits
            data = marshal.dumps(setup)
            first = _content(data, theirs)
            inherited = [first, status, information, channel, rules, waits, how.inside.get("landlock", -1)]
            who: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
            self._process = subprocess.Popen(  # noqa: S603 - in the sandbox
                [*how.command(limits, rules, information), "-c", BEGIN, str(first), str(len(data))],
                stdin=_content(stdin, theirs), stdout=out, stderr=error, cwd=folder or "/",
                env=dict(how.environment), pass_fds=[number for number in inherited if number >= 0],
                start_new_session=True, **who,
            )  # fmt: skip
        self._life = _life(self._process.pid)
        ours.callback(os.close, self._life)
        self._poll.register(self._life, select.POLLIN)

    def _pipe(self, name: str, ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> int:
        read, write = _descriptors(os.pipe(), ours, theirs)
        self._listen(read, name)
        return write

    def _pair(self, ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> int:
        self._channel, other = socket.socketpair()
        ours.enter_context(self._channel)
        theirs.enter_context(other)
        self._listen(self._channel.fileno(), "channel")
        return other.fileno()

    def _make_group(self, parent: Path, ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> int:
        """Make a control group, and a pipe at whose other end the first code waits until it is in it."""
        name = f"potstill-{os.getpid()}-{secrets.token_hex(6)}"
        self._group = ours.enter_context(cgroup.group_for(parent, self._limits, name))
        self._go, waits = _descriptors(os.pipe()[::-1], ours, theirs)
        return waits

    def _join_group(self) -> None:
        """Move the process that will be the program into its group, and let it go on."""
        if self._group is None:
            return
        while self._first() is None and not self.over:
            self.turn(self.deadline)
        first = self._first()
        if first is not None and not self.over:
            (self._group / "cgroup.procs").write_text(str(first))
            os.write(self._go, b"g")

    def _listen(self, descriptor: int, name: str) -> None:
        os.set_blocking(descriptor, False)
        self._open[descriptor] = name
        self._poll.register(descriptor, select.POLLIN)

    def _read(self, descriptor: int) -> bool:
        """Take what is there; false when there is nothing more."""
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        name = self._open[descriptor]
        if not data:
            self._poll.unregister(descriptor)
            del self._open[descriptor]
        elif len(self._output[name]) <= self._limits.output_bytes + CHUNK:
            self._output[name] += data
        return bool(data)

    def _watch(self) -> None:
        """End a program that has more files than it may: their entries are memory that no limit counts."""
        self._watched = time.monotonic()
        if self._how.namespaces and (first := self._first()) is not None and watch.files(first) > watch.MOST_FILES:
            self.end("memory")

    def _kill(self) -> None:
        """End the tree. Nothing has been waited for yet, so that no number can belong to a stranger."""
        if self._how.namespaces and (first := self._first()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)  # ends its namespace; bubblewrap waits for it, and we for bubblewrap
        elif self._how.namespaces:
            self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            if self._user is not None and not self._how.inside:  # it may have left its group
                watch.end_all_of(self._user)

    def _first(self) -> int | None:
        """Return the number out here of the process that is or will be the program; in a namespace, while it lives."""
        if not self._how.namespaces:
            return self._process.pid
        found = re.search(rb'"child-pid": (\d+)', self._output["information"])
        if found is None:
            return None
        try:
            fields = Path(f"/proc/{int(found[1])}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return int(found[1]) if int(fields[1]) == self._process.pid else None


def _descriptors(pair: tuple[int, int], ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[int, int]:
    ours.callback(os.close, pair[0])
    theirs.callback(os.close, pair[1])
    return pair


def _content(data: bytes, theirs: contextlib.ExitStack) -> int:
    """Return a file without a name that holds these bytes, at its start and not to be changed."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("potstill", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        theirs.callback(os.close, number)
    else:  # a Python built for an old C library
        number = theirs.enter_context(tempfile.TemporaryFile()).fileno()  # noqa: SIM115 - the stack does
    view = memoryview(data)
    while view:
        view = view[os.write(number, view) :]
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _life(process: int) -> int:
    """Return a descriptor that becomes readable when the process has ended."""
    if hasattr(os, "pidfd_open"):
        return os.pidfd_open(process)
    number: int = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_OPEN, process, 0)
    if number < 0:
        raise OSError(ctypes.get_errno(), "pidfd_open")
    os.set_inheritable(number, False)
    return number


@contextlib.contextmanager
def _user() -> Iterator[int]:
    """Lend a user that no other program on this machine has now; the kernel counts tasks, and lets signal, by it.

    Who has bound the abstract socket of that number has the user; it falls back when the process ends, however it ends.
    """
    with contextlib.ExitStack() as claim:
        user = None
        while user is None:
            offset = next(_TURN) % USERS
            own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                own.bind(f"\0potstill-sandbox-user-{FIRST_USER + offset}")
            except OSError:
                own.close()
                time.sleep(0.001)
            else:
                claim.enter_context(own)
                user = FIRST_USER + offset
        yield user


@contextlib.contextmanager
def _working_folder(parent: Path, files: Mapping[str, bytes], user: int | None) -> Iterator[Path]:
    """Make a folder of this user's with these files."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if user is not None:
            folder.chmod(0o755)
            os.chown(folder, user, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _first_code() -> CodeType:
    path = Path(__file__).with_name("inside.py")
    return compile(path.read_text(encoding="utf-8"), "inside.py", "exec")
