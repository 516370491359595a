"""The second choice, for machines without user namespaces: Landlock for files and signals, a filter for the rest.

One process only, no writable file, no network, no signal to others. Works for any user from Linux 5.13 on; see
https://docs.kernel.org/userspace-api/landlock.html for the structures and numbers. The rule set is made here once; the
first code inside each interpreter puts it in force on itself, for good.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from potstill.verify.sandbox.interpreter import interpreter
from potstill.verify.sandbox.limits import SandboxError

CREATE, ADD = 444, 445
VERSION = 1
PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
READ = EXECUTE | READ_FILE | READ_DIR
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many of the rights on files each version knows; the later ones inherit."""
NETWORK_FROM, NETWORK = 4, 3  # bind and connect TCP
SCOPES_FROM, SCOPES = 6, 3  # abstract sockets and signals
NEWEST = 7
"""The last version that is known here; a newer kernel is asked for what this one could do."""
READABLE = (Path("/dev/urandom"), Path("/dev/random"), Path("/dev/zero"))


@dataclass(frozen=True)
class Landlock:
    """A rule set as a descriptor, and the version of the kernel's Landlock."""

    rules: int
    version: int


@cache
def landlock(folder: Path, newest: int = NEWEST) -> Landlock:
    """Make the rule set of this kernel's version, or of `newest`: read what Python needs and `folder`, write to
    /dev/null. Raises `SandboxError`."""
    version = min(_call(CREATE, None, 0, VERSION), newest)
    if version < 1:
        raise SandboxError("this kernel has no Landlock (Linux 5.13 or later, with landlock among its lsm= modules)")
    rights = (1 << max(count for since, count in FILE_RIGHTS.items() if version >= since)) - 1
    attribute = [rights]
    if version >= NETWORK_FROM:
        attribute.append(NETWORK)
    if version >= SCOPES_FROM:
        attribute.append(SCOPES)
    packed = struct.pack(f"={len(attribute)}Q", *attribute)
    rules = _call(CREATE, packed, len(packed), 0)
    if rules < 0:
        raise SandboxError("this kernel refuses a Landlock rule set")
    os.set_inheritable(rules, False)
    python = interpreter()
    for host, inside in python.mounts:
        hidden = [host / path.relative_to(inside) for path in python.hidden if path.is_relative_to(inside)]
        _allow(rules, host, READ_DIR if host.is_dir() else READ & ~READ_DIR)  # a rule holds for all that is below
        for path in _apart_from(host, hidden):
            _allow(rules, path, READ if path.is_dir() else READ & ~READ_DIR)
    for path in (folder, *READABLE):
        _allow(rules, path, READ if path.is_dir() else READ & ~READ_DIR)
    _allow(rules, Path("/dev/null"), READ_FILE | WRITE_FILE)
    return Landlock(rules, version)


def _apart_from(folder: Path, hidden: list[Path]) -> Iterator[Path]:
    """Yield the largest files and folders that together are this one without the hidden ones."""
    if not any(path.is_relative_to(folder) for path in hidden):
        yield folder
    elif folder not in hidden:
        for path in sorted(folder.iterdir()):
            yield from _apart_from(path, hidden)


def _allow(rules: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if _call(ADD, rules, PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0) != 0:
            raise SandboxError(f"Landlock refuses a rule for {path}")
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: int | bytes | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_long(word) if isinstance(word, int) else ctypes.c_char_p(word) for word in arguments]
    result: int = libc.syscall(ctypes.c_long(number), *words)
    return result
