"""Put in front of every attack: what it is told, and how it says that it got nothing."""

import ctypes
import errno
import json
import os
import sys
import time

facts = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.prctl(15, facts["marker"].encode(), 0, 0, 0)  # PR_SET_NAME: what it leaves is found by this
until = time.monotonic() + 2


def held(good, what=""):
    """Say that the attack failed, or what got through."""
    print("held" if good else f"ESCAPED {what}", flush=True)


def none(found):
    """Nothing was found."""
    held(not found, found)


def fails(function, *words, **named):
    """Say whether it raises what a refusal raises."""
    try:
        function(*words, **named)
    except (OSError, ImportError, ValueError):
        return True
    return False


def raises(function, *words, among):
    """Say whether it raises one of these errors of the system."""
    try:
        function(*words)
    except OSError as error:
        return error.errno in among
    return False


def opens(path, flags):
    """Say whether the file opens; nothing is read or written."""
    return not fails(lambda: os.close(os.open(path.format(**facts), flags | os.O_NONBLOCK)))


def cannot_read(*paths):
    """None of these files or folders opens."""
    none([path for path in paths if opens(path, os.O_RDONLY)])


def cannot_write(*paths):
    """None of these files opens for writing."""
    none([path for path in paths if opens(path, os.O_WRONLY)])


def syscall(number, *words):
    """Return the result and the error of a system call; words are numbers or bytes."""
    ctypes.set_errno(0)
    given = [ctypes.c_char_p(word) if isinstance(word, bytes) else ctypes.c_long(word) for word in words]
    return libc.syscall(ctypes.c_long(number), *given), ctypes.get_errno()


def refused(number, *words, by=(errno.EPERM, errno.ENOSYS)):
    """The call is refused, by the filter: with a bad argument the kernel itself would say something else."""
    result, error = syscall(number, *words)
    held(result == -1 and error in by, (result, errno.errorcode.get(error)))


def fork():
    """Fork, or return -1."""
    try:
        return os.fork()
    except OSError:
        return -1
