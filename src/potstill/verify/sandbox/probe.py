"""Proving the isolation before it is relied on, choosing the first backend that holds, and describing it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from potstill.verify.sandbox import seccomp
from potstill.verify.sandbox.backends import BACKENDS, remedy, without_isolation
from potstill.verify.sandbox.interpreter import ENVIRONMENT, interpreter
from potstill.verify.sandbox.limits import Limits, SandboxError
from potstill.verify.sandbox.run import Sandbox

FLAG = "--run-untrusted-code-without-a-sandbox"
LIMITS = Limits(seconds=10, memory_mb=256)

NAMES = {
    "files": "files of this machine are not readable",
    "writes": "nothing but the working folder is writable, /proc/sys included",
    "network": "no sockets, no network",
    "processes": "other processes are out of reach",
    "outlives": "a program ends with the process that started it",
    "environment": "the environment is empty",
    "privileges": "no root, no capabilities, no new privileges, a filter of system calls",
    "calls": "system calls that are not listed are refused: namespaces, mounts, tracing, keys, kernel programs",
    "descriptors": "no descriptor of ours is left open",
    "memory": "memory is limited",
    "tasks": "a program is one process",
    "clock": "a program that ignores signals ends at its limit",
    "leftovers": "nothing keeps running",
    "output": "output is limited",
}
REFUSED = {  # (x86_64, aarch64); arguments that would do nothing
    "ptrace": (101, 117), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "keyctl": (250, 219),
    "clone3": (435, 435), "process_vm_readv": (310, 270), "open_by_handle_at": (304, 265), "personality": (135, 92),
    "memfd_create": (319, 279), "pidfd_open": (434, 434), "sendmsg": (46, 211),
    "connect": (42, 203), "timer_create": (222, 107), "a call of the future": (999, 999),
}  # fmt: skip
FIRST = {"unshare": 0x10000000, "ptrace": 0x4206}
"""CLONE_NEWUSER; PTRACE_SEIZE, of nobody."""
STUBBORN = """
import ctypes, os, signal, time
for number in range(1, 65):
    if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
        signal.signal(number, signal.SIG_IGN)
try:
    if os.fork() == 0:
        os.setsid()
        os.fork()
except OSError:
    pass
ctypes.CDLL(None).prctl(15, b"%s", 0, 0, 0)
time.sleep(20)
"""


@dataclass(frozen=True)
class Finding:
    """One property of the sandbox, as an attack on it showed."""

    name: str
    isolated: bool
    detail: str


def attack(sandbox: Sandbox) -> list[Finding]:
    """Run the canaries in this sandbox. Raises `SandboxError` where it runs nothing at all."""
    with _facts() as facts:
        program = Path(__file__).with_name("canaries.py").read_bytes()
        ran = sandbox.run(program, stdin=json.dumps(facts).encode(), limits=LIMITS)
    lines = dict(line.split("\t", 1) for line in ran.stdout.decode(errors="replace").splitlines() if "\t" in line)
    findings = []
    for name in list(NAMES)[:-3]:
        got = lines.get(name)
        detail = f"not answered: {ran.stderr.decode(errors='replace')[-200:]}" if got is None else got
        findings.append(Finding(name, got == "", detail))
    return [*findings, *_endings(sandbox)]


def _endings(sandbox: Sandbox) -> list[Finding]:
    marker, limit = f"ps{secrets.token_hex(5)}", 0.3
    began = time.monotonic()
    ran = sandbox.run((STUBBORN % marker).encode(), limits=Limits(seconds=limit))
    took, left = time.monotonic() - began, _named(marker)
    for number in left:  # they are ours, wherever they have got to
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    flooded = sandbox.run(b"while True: print('x' * 9999)", limits=Limits(output_bytes=100_000))
    return [
        Finding("clock", ran.ended == "timeout", f"ended after {took:.2f} s, by {ran.ended}, at a limit of {limit} s"),
        Finding("leftovers", not left, f"processes {left}" if left else ""),
        Finding("output", flooded.ended == "output", ""),
    ]


def _named(marker: str) -> list[int]:
    """Return the processes that call themselves so."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and (entry / "comm").read_text().strip() == marker:
                found.append(int(entry.name))
    return found


@contextlib.contextmanager
def _facts() -> Iterator[dict[str, object]]:
    """What the canaries aim at: a readable file and a listener of ours, and paths that every machine has."""
    machine = seccomp.machine()
    column = machine.column if machine else 0
    with (
        tempfile.NamedTemporaryFile(prefix="potstill-canary-") as file,
        socket.socket() as listener,
        tempfile.TemporaryDirectory(prefix="potstill-canary-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as named,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract,
    ):
        file.write(b"a file of the host")
        file.flush()
        Path(file.name).chmod(0o666)
        Path(folder).chmod(0o755)
        named.bind(f"{folder}/socket")
        Path(folder, "socket").chmod(0o666)
        abstract.bind(f"\0potstill-canary-{secrets.token_hex(8)}")
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        home, parent = os.path.expanduser("~"), f"/proc/{os.getpid()}"  # not Path.home(): a user may have none
        entries = Path(home).iterdir() if os.access(home, os.R_OK | os.X_OK) else ()
        files = [str(path) for path in itertools.islice(filter(Path.is_file, entries), 5)]
        python = interpreter()
        yield {
            "private": [file.name, *files, "/etc/passwd", "/etc/shadow", "/proc/1/root/etc/passwd", "/dev/mem",
                        "/dev/kmsg", str(Path(__file__)), str(Path(sys.prefix, "pyvenv.cfg"))],
            "shared": ["/", "/usr", "/etc", "/dev", str(python.executable), *(str(at) for _, at in python.mounts),
                       "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory",
                       "/proc/sysrq-trigger", "/proc/self/oom_score_adj", "/sys", "/sys/fs/cgroup"],
            "sockets": [("TCP", 2, 1), ("UDP", 2, 2), ("raw", 2, 3), ("Unix", 1, 1), ("netlink", 16, 3),
                        ("packet", 17, 3), ("vsock", 40, 1), ("Alg", 38, 5)],
            "cut": (file.name, Path(file.name).stat().st_size),
            "datagrams": [named.getsockname(), os.fsdecode(abstract.getsockname())],
            "port": listener.getsockname()[1],
            "parent": os.getpid(),
            "parents_files": [f"{parent}/environ", f"{parent}/mem", f"{parent}/maps", f"{parent}/root/etc/passwd"],
            "variables": [*ENVIRONMENT, "PWD", "LC_CTYPE", "LD_LIBRARY_PATH"],
            "calls": [(name, pair[column], (FIRST.get(name, 0), 0, 0, 0, 0)) for name, pair in REFUSED.items()],
            "too_much": (LIMITS.memory_mb << 20) + 1,
        }  # fmt: skip


def open_sandbox(*, without: bool = False) -> Sandbox:
    """Return this process's sandbox, proven by its canaries once; raises `SandboxError` where no isolation works.

    `without` is for the flag named for its danger: programs then run with limits only, where nothing better works.
    """
    chosen = _chosen()
    if chosen.sandbox is not None:
        return chosen.sandbox
    if without:
        return _unprotected()
    raise SandboxError(f"no sandbox works here: {chosen.reasons}; or give {FLAG}")


def probe() -> list[Finding]:
    """Return what the canaries found in the sandbox in force; nothing where none works."""
    return list(_chosen().findings)


@dataclass(frozen=True)
class _Chosen:
    sandbox: Sandbox | None
    findings: tuple[Finding, ...]
    reasons: str


_LOCK = threading.Lock()
_made: list[_Chosen] = []


def _chosen() -> _Chosen:
    with _LOCK:
        if not _made:
            _made.append(_choose())
        return _made[0]


def _choose() -> _Chosen:
    reasons = []
    for name, make in BACKENDS.items():
        try:
            sandbox = Sandbox(make())
            findings = attack(sandbox)
        except SandboxError as error:
            reasons.append(f"{name} fails ({error})" + (f": {advice}" if (advice := remedy(str(error))) else ""))
            continue
        open_ = [f"{finding.name} ({finding.detail})" for finding in findings if not finding.isolated]
        if not open_:
            return _Chosen(sandbox, tuple(findings), "; ".join(reasons))
        reasons.append(f"{name} does not hold: {', '.join(open_)}")
    return _Chosen(None, (), "; ".join(reasons))


@cache
def _unprotected() -> Sandbox:
    return Sandbox(without_isolation())


def describe() -> str:
    """Return what `potstill sandbox` prints: the isolation in force, and each property as its attack found it."""
    chosen = _chosen()
    if chosen.sandbox is None:
        return f"sandbox: none; programs are not run\n{chosen.reasons}"
    lines = [f"sandbox: {chosen.sandbox.isolation}"]
    lines += [f"not used: {chosen.reasons}"] if chosen.reasons else []
    for finding in chosen.findings:
        mark = "isolated" if finding.isolated else "OPEN"
        lines.append(f"{mark:>9}  {NAMES[finding.name]}" + (f" ({finding.detail})" if finding.detail else ""))
    python = ".".join(map(str, sys.version_info[:3]))
    lines.append(f"Python {python}, Linux {os.uname().release}, {os.uname().machine}")
    return "\n".join(lines)
