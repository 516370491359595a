"""Folders in the temporary folder that go when this process goes, however it ends."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

_HELD: list[int] = []
"""Descriptors of our folders, locked: the kernel frees the lock of a process that has ended."""


def temporary(name: str) -> Path:
    """Make a folder. It is removed at exit and after a kill, by a process that waits for our end.

    Where that one was killed too, the next that makes such a folder removes it: nobody holds its lock.
    """
    above = Path(tempfile.gettempdir())
    for old in above.glob(f"potstill-{name}_*"):
        with contextlib.suppress(OSError):
            if old.lstat().st_uid == os.geteuid() and (lock := _locked(old)) is not None:
                shutil.rmtree(old, ignore_errors=True)
                os.close(lock)
    made = Path(tempfile.mkdtemp(prefix=f".potstill-{name}_", dir=above))
    if (lock := _locked(made)) is not None:
        _HELD.append(lock)
    folder = made.rename(above / made.name[1:])  # locked before anybody looks for it
    try:
        remover = subprocess.Popen(  # noqa: S603 - its end of the pipe ends with us
            ["/bin/sh", "-c", 'read _; rm -rf -- "$0"', folder],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    except OSError:  # a system without a shell
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    else:
        atexit.register(remover.communicate)
    return folder


def _locked(folder: Path) -> int | None:
    """Return a descriptor that holds the folder's lock, or None where another process has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
