"""One process at a time works on a folder: a lock of the kernel's, which goes with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from potstill.durable import writing
from potstill.errors import BusyError

LOCK = ".lock"
PATIENCE, PAUSE = 10.0, 0.001
"""Seconds for which a lock is tried again that only looks have, and between two tries."""


class FolderLock:
    """The lock of a folder, in its file `.lock`, which names the process that has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.descriptor: int | None = None

    def take(self) -> None:
        """Take the lock.

        Raises:
            BusyError: another process has it.
            StoreError: the folder cannot be written.
        """
        with writing(self.folder):
            descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not _taken(descriptor):
            holder = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise BusyError(f"{self.folder} is in use by process {holder}: wait for it or name another --out")
        self.descriptor = descriptor
        with writing(self.folder):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go of the lock, if it was taken."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def is_held(self) -> bool:
        """Return whether any process has the lock."""
        return is_held(self.folder / LOCK)


def is_held(path: Path) -> bool:
    """Return whether any process has the lock of a file; the look takes it for a moment, beside other looks."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # none was ever taken, or it is not ours to see
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Take the lock alone: tried again beside looks, which share it for a moment, not beside a process that has it."""
    until = time.monotonic() + PATIENCE
    while not _locked(descriptor, fcntl.LOCK_EX):
        if not _locked(descriptor, fcntl.LOCK_SH) or time.monotonic() > until:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(PAUSE)
    return True


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
