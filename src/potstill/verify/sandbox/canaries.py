"""The program that tries to get out, run inside by the probe. Never imported: its text is the program.

It reads facts about the outside from stdin and prints one line for each property: name, tab, what got through (nothing
is good). Nothing here would change the machine if it succeeded: it opens without writing, asks with access checks,
sends signal 0 and connects to a listener of ours.
"""

import ctypes
import errno
import json
import os
import sys

facts = json.load(sys.stdin)
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def call(number: int, *arguments: int) -> bool:
    """Say whether the system call gets to the kernel, which does nothing with these arguments."""
    ctypes.set_errno(0)
    result: int = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(word) for word in arguments])
    return result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS)


def opens(path: str, flags: int = os.O_RDONLY) -> bool:
    """Say whether the file opens; nothing is read or written."""
    try:
        os.close(os.open(path, flags | os.O_NONBLOCK))
    except (OSError, ValueError):
        return False
    return True


def files() -> list[str]:
    """Whatever of the host's own is readable."""
    return [path for path in facts["private"] if opens(path)]


def writes() -> list[str]:
    """Whatever outside the working folder is writable."""
    kinds = os.O_WRONLY, os.O_WRONLY | os.O_TMPFILE  # of a file; of a folder, for a file that has no name
    found = [path for path in facts["shared"] if any(opens(path, flags) for flags in kinds)]
    path, size = facts["cut"]  # a file of ours that everybody may write
    found += [
        f"{path} by flags {flags:#x}" for flags in (os.O_RDONLY | os.O_TRUNC, 3, 3 | os.O_TRUNC) if opens(path, flags)
    ]
    try:
        os.truncate(path, size)
        found.append(f"{path} by truncate")
    except OSError:
        pass
    return found


def network() -> list[str]:
    """Kinds of sockets that can be made, and our listener if it answers."""
    import _socket

    made = []
    for name, family, kind in facts["sockets"]:
        try:
            _socket.socket(family, kind).close()
            made.append(name)
        except OSError:
            pass
    for target in facts["datagrams"]:
        try:
            _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_DGRAM)[0].sendto(b"", target)
            made.append("a pair that sends to a socket of the host")
        except OSError:
            pass
    if "TCP" in made:
        plain = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        plain.settimeout(1)
        if plain.connect_ex(("127.0.0.1", facts["port"])) == 0:
            made.append("a listener of the host")
    return made


def processes() -> list[str]:
    """What of the process that started the sandbox can be reached."""
    reached = []
    try:
        os.kill(facts["parent"], 0)
        reached.append("signals")
    except OSError as error:
        reached += [] if error.errno in (errno.EPERM, errno.ESRCH) else [str(error)]
    return reached + owners(facts["parent"]) + [path for path in facts["parents_files"] if opens(path)]


def owners(number: int) -> list[str]:
    """Ways to have the kernel signal a process when something can be read; none is sent here."""
    import fcntl
    import struct

    found, pipe = [], os.pipe()
    for name, command in (("F_SETOWN", 8), ("F_SETSIG", 10)):
        try:
            fcntl.fcntl(pipe[0], command, number if command == 8 else 0)
            found.append(name)
        except OSError:
            pass
    try:
        fcntl.ioctl(pipe[0], 0x8901, struct.pack("i", number))
        found.append("FIOSETOWN")
    except OSError as error:
        found += [] if error.errno == errno.EPERM else ["FIOSETOWN"]
    return found


def outlives() -> list[str]:
    """Whether it can do without the signal that ends it with potstill; it is set to what it is."""
    signal = ctypes.c_int()
    libc.prctl(2, ctypes.byref(signal), 0, 0, 0)
    found = [] if signal.value == 9 else ["no signal is set"]
    return found + (["the signal can be changed"] if libc.prctl(1, 9, 0, 0, 0) == 0 else [])


def environment() -> list[str]:
    """Variables that are not ours, here or in another process."""
    names = set(os.environ)
    for number in range(1, 100):
        try:
            with open(f"/proc/{number}/environ", "rb") as file:
                names |= {os.fsdecode(entry.partition(b"=")[0]) for entry in file.read().split(b"\0") if entry}
        except OSError:
            pass
    return sorted(names - set(facts["variables"]))


def privileges() -> list[str]:
    """The root user, capabilities, and missing filters."""
    found = [] if os.getuid() and os.geteuid() else ["uid 0"]
    head, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(head, data) != 0 or any(data[index] for index in (0, 1, 3, 4)):
        found.append("capabilities")
    found += [] if libc.prctl(39, 0, 0, 0, 0) == 1 else ["new privileges by exec"]
    return found + ([] if libc.prctl(21, 0, 0, 0, 0) == 2 else ["no filter of system calls"])


def calls() -> list[str]:
    """Dangerous system calls that are let through, with arguments that would do nothing."""
    return [name for name, number, arguments in facts["calls"] if call(number, *arguments)]


def descriptors() -> list[str]:
    """Open files besides the standard streams."""
    found = []
    for number in range(3, 256):
        try:
            os.fstat(number)
            found.append(f"descriptor {number}")
        except OSError:
            pass
    return found


def memory() -> list[str]:
    """Memory beyond the limit."""
    try:
        return [f"{len(bytearray(facts['too_much'])) >> 20} MiB"]
    except MemoryError:
        return []


def tasks() -> list[str]:
    """Another process. It ends at once."""
    try:
        if os.fork() == 0:
            os._exit(0)
    except OSError:
        return []
    return ["a second process"]


for check in (descriptors, files, writes, network, processes, outlives, environment, privileges, calls, memory, tasks):
    print(check.__name__, ", ".join(check()), sep="\t", flush=True)
