"""The system calls that a sandboxed program may make, as a classic BPF program of our own; the rest fails.

Formats: linux/filter.h and linux/seccomp.h; numbers: asm/unistd.h of each architecture.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass

KILL, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
LOAD, AND, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16

YOUNG = 424
"""Calls from this number on are of Linux 5.1 or later. They do not exist here unless listed (ENOSYS): the C library
then falls back to older ones, which are refused (EPERM) unless listed."""
OWN_NUMBER = 0x7FEEDCBA
"""Stands for the process's own number, which is only known inside; no process has this one."""

# name: (x86_64, aarch64); None where the architecture has no such call. The most frequent come first.
ALLOWED = {
    "read": (0, 63), "write": (1, 64), "futex": (202, 98), "mmap": (9, 222), "munmap": (11, 215), "brk": (12, 214),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "close": (3, 57),
    "fstat": (5, 80), "lseek": (8, 62), "newfstatat": (262, 79), "stat": (4, None), "lstat": (6, None),
    "pread64": (17, 67), "pwrite64": (18, 68), "readv": (19, 65), "writev": (20, 66), "preadv": (295, 69),
    "pwritev": (296, 70), "preadv2": (327, 286), "pwritev2": (328, 287), "mprotect": (10, 226), "mremap": (25, 216),
    "madvise": (28, 233), "msync": (26, 227), "mincore": (27, 232), "access": (21, None), "faccessat": (269, 48),
    "faccessat2": (439, 439), "readlink": (89, None), "readlinkat": (267, 78), "getdents64": (217, 61),
    "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50), "statx": (332, 291), "statfs": (137, 43),
    "fstatfs": (138, 44), "fadvise64": (221, 223), "fgetxattr": (193, 10), "flistxattr": (196, 13),
    "dup": (32, 23),
    "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None), "pipe2": (293, 59), "close_range": (436, 436),
    "fsync": (74, 82), "fdatasync": (75, 83), "poll": (7, None), "ppoll": (271, 73), "select": (23, None),
    "pselect6": (270, 72), "epoll_create": (213, None), "epoll_create1": (291, 20), "epoll_ctl": (233, 21),
    "epoll_wait": (232, None), "epoll_pwait": (281, 22), "eventfd2": (290, 19), "timerfd_create": (283, 85),
    "timerfd_settime": (286, 86), "timerfd_gettime": (287, 87), "recvfrom": (45, 207), "shutdown": (48, 210),
    "getsockname": (51, 204), "getpeername": (52, 205), "getsockopt": (55, 209), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101), "gettimeofday": (96, 169),
    "time": (201, None), "times": (100, 153), "alarm": (37, None), "pause": (34, None), "setitimer": (38, 103),
    "getitimer": (36, 102), "exit": (60, 93), "exit_group": (231, 94), "restart_syscall": (219, 128),
    "set_robust_list": (273, 99), "set_tid_address": (218, 96), "rseq": (334, 293), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "getcpu": (309, 168), "membarrier": (324, 283), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132), "wait4": (61, 260),
    "waitid": (247, 95), "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getpgrp": (111, None),
    "getpgid": (121, 155), "getsid": (124, 156), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "getresuid": (118, 148), "getresgid": (120, 150), "getgroups": (115, 158),
    "umask": (95, 166), "getrlimit": (97, 163), "setrlimit": (160, 164), "getrusage": (98, 165), "sysinfo": (99, 179),
    "uname": (63, 160), "getrandom": (318, 278), "capget": (125, 90), "getpriority": (140, 141),
}  # fmt: skip
ALLOWED_IN_NAMESPACES = {  # starting an interpreter; attributes of files, and changing them, where all are its own
    "execve": (59, 221), "arch_prctl": (158, None), "truncate": (76, 45), "ftruncate": (77, 46),
    "fallocate": (285, 47), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "mkdir": (83, None),
    "mkdirat": (258, 34), "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35), "link": (86, None),
    "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36), "chmod": (90, None), "fchmod": (91, 52),
    "fchmodat": (268, 53), "utimensat": (280, 88), "flock": (73, 32), "sendfile": (40, 71),
    "copy_file_range": (326, 285), "getxattr": (191, 8), "lgetxattr": (192, 9), "listxattr": (194, 11),
    "llistxattr": (195, 12),
}  # fmt: skip
CHECKED = {  # allowed with some arguments
    "clone": (56, 220), "open": (2, None), "openat": (257, 56), "fcntl": (72, 25), "ioctl": (16, 29),
    "prctl": (157, 167), "prlimit64": (302, 261), "socketpair": (53, 199), "sendto": (44, 206), "kill": (62, 129),
    "tgkill": (234, 131),
}  # fmt: skip

THREAD = 0x00010000
OF_A_THREAD = 0x007D0F00
"""CLONE_THREAD and what else a C library starts a thread with; no namespace, no other parent, no new process."""
TRUNCATE, ACCESS = 0x200, 3
"""O_TRUNC and O_ACCMODE. Mode 3 and truncation without writing get past a Landlock that knows of neither (before
ABI 3)."""
FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, locks, F_DUPFD_CLOEXEC, F_GETPIPE_SZ; no F_SETOWN, F_SETSIG, F_NOTIFY,
F_SETLEASE: these send signals."""
IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
PRCTL = (2, 3, 15, 16, 21, 39)
"""PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS."""
STREAMS = (1, 0x801, 0x80001, 0x80801)
"""SOCK_STREAM with and without SOCK_NONBLOCK and SOCK_CLOEXEC: a datagram socket of a pair sends anywhere."""
AF_UNIX = 1
SEND = (0, 0x40, 0x4000, 0x4040)
"""No flags, MSG_DONTWAIT, MSG_NOSIGNAL; no MSG_OOB, by which sandboxes have been left (CVE-2025-38236)."""


@dataclass(frozen=True)
class Machine:
    """One architecture: the column of the tables, and AUDIT_ARCH_* of linux/audit.h."""

    column: int
    audit: int
    prctl: int


MACHINES = {"x86_64": Machine(0, 0xC000003E, 157), "aarch64": Machine(1, 0xC00000B7, 167)}


def machine() -> Machine | None:
    """Return this machine's entry, or None where no filter is written for it."""
    return MACHINES.get(platform.machine())


def build(machine: Machine, *, namespaces: bool) -> bytes:
    """Return the filter as an array of `struct sock_filter`: one process with threads, no sockets but its own pairs.

    Without `namespaces` there is no new program either, no change of any file but by writing to an open one, and no
    signal to another process than `OWN_NUMBER`.
    """
    allowed = ALLOWED | ALLOWED_IN_NAMESPACES if namespaces else ALLOWED
    code = [_op(LOAD, ARCHITECTURE), _op(EQUAL, machine.audit, 1, 0), _op(RETURN, KILL), _op(LOAD, NUMBER)]
    for pair in allowed.values():
        if (number := pair[machine.column]) is not None:
            code += [_op(EQUAL, number, 0, 1), _ALLOW]
    for name, body in _checks(namespaces).items():
        if (number := CHECKED[name][machine.column]) is not None:
            code += [_op(EQUAL, number, 0, len(body)), *body]
    return b"".join([*code, _op(AT_LEAST, YOUNG, 0, 1), _op(RETURN, ERRNO | errno.ENOSYS), _REFUSE])


def _checks(namespaces: bool) -> dict[str, list[bytes]]:
    """Return for each checked call the code that allows or refuses it."""
    open_flags = [_op(AND, TRUNCATE | ACCESS), *_unless(TRUNCATE, TRUNCATE | ACCESS, ACCESS), _ALLOW]
    signals = [_ALLOW] if namespaces else [_argument(0), *_one_of(OWN_NUMBER)]
    return {
        "clone": [
            _argument(0), _op(ANY_BIT, THREAD, 1, 0), _REFUSE,
            _op(ANY_BIT, ~OF_A_THREAD & 0xFFFFFFFF, 0, 1), _REFUSE, _ALLOW,
        ],
        "open": [_argument(1), *open_flags],
        "openat": [_argument(2), *open_flags],
        "fcntl": [_argument(1), *_one_of(*FCNTL)],
        "ioctl": [_argument(1), *_one_of(*IOCTL)],
        "prctl": [_argument(0), *_one_of(*PRCTL)],
        "prlimit64": [_argument(0), *_one_of(0)],
        "socketpair": [_argument(0), _op(EQUAL, AF_UNIX, 1, 0), _REFUSE, _argument(1), *_one_of(*STREAMS)],
        "sendto": [_argument(4), _op(EQUAL, 0, 1, 0), _REFUSE, _argument(4, high=True), _op(EQUAL, 0, 1, 0), _REFUSE,
                   _argument(3), *_one_of(*SEND)],
        "kill": signals,
        "tgkill": signals,
    }  # fmt: skip


def _argument(index: int, *, high: bool = False) -> bytes:
    """Load half of one argument; both architectures are little-endian. Most arguments are of 32 bits: the low half."""
    return _op(LOAD, FIRST_ARGUMENT + 8 * index + 4 * high)


def _one_of(*values: int) -> Sequence[bytes]:
    return [*(word for value in values for word in (_op(EQUAL, value, 0, 1), _ALLOW)), _REFUSE]


def _unless(*values: int) -> Sequence[bytes]:
    return [word for value in values for word in (_op(EQUAL, value, 0, 1), _REFUSE)]


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


_ALLOW, _REFUSE = _op(RETURN, ALLOW), _op(RETURN, ERRNO | errno.EPERM)
