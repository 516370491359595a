"""Temporary folders that do not outlive a killed process for long: the next one of the same name takes them away."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = ".lock"
_YOUNG = 60.0
"""Seconds within which a folder without a lock may still be getting one."""


@contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """Make a folder for the block; those that killed processes left under the same `name` go first."""
    for left in Path(tempfile.gettempdir()).glob(f"potstill-{name}-*"):
        with suppress(OSError):
            if left.stat().st_uid == os.geteuid() and _abandoned(left):
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"potstill-{name}-"))
    held = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _abandoned(folder: Path) -> bool:
    """Whether no process holds the lock of a folder; the kernel lets go of it when a process ends, however it ends."""
    try:
        held = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > _YOUNG
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(held)
    return True
