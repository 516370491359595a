"""Start a command as an ordinary user; as root, with this Python readable to it and nothing else of root's opened.

Only root can read a Python below /root. In a mount namespace of its own, which ends with it, such a closed folder is
covered by an empty one in which only the folders that are needed appear.
"""

import ctypes
import os
import stat
import sys
from pathlib import Path

NEW_MOUNTS, BIND, RECURSIVE, PRIVATE = 0x20000, 4096, 16384, 1 << 18
USER = 61_190


def closed_above(path):
    """The outermost folder above `path` that other users cannot pass through, or None."""
    for parent in reversed(path.parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None


def mount(source, target, kind, flags):
    """mount(2), or an OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    words = [word if word is None else os.fsencode(word) for word in (source, target, kind)]
    if libc.mount(*words, ctypes.c_ulong(flags), None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target}")


def open_up(paths):
    """Make each folder reachable under its own name, in this process's own view of the file system."""
    closed = {closed for path in paths if (closed := closed_above(path)) is not None}
    if not closed:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_MOUNTS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount(None, "/", None, RECURSIVE | PRIVATE)
    for folder in closed:
        inner = [path for path in paths if path.is_relative_to(folder)]
        kept = [os.open(path, os.O_PATH) for path in inner]
        mount("tmpfs", folder, "tmpfs", 0)
        folder.chmod(0o755)
        for path, descriptor in zip(inner, kept, strict=True):
            path.mkdir(parents=True)
            mount(f"/proc/self/fd/{descriptor}", path, None, BIND)
            os.close(descriptor)


if __name__ == "__main__":
    if os.getuid() == 0:
        open_up([Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), Path(__file__).resolve().parents[3]])
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)
        os.environ.pop("HOME", None)
    os.execv(sys.argv[1], sys.argv[1:])
