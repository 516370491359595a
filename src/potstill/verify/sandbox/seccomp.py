"""The system calls that a sandboxed program is refused, as a classic BPF program of our own.

Formats: linux/filter.h and linux/seccomp.h; numbers: asm/unistd.h of each architecture.
"""

from __future__ import annotations

import errno
import platform
import struct
from dataclasses import dataclass

KILL, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16

NEWEST = 450
"""Calls above this number are younger than Linux 5.17. Python needs none of them, so they do not exist here."""

NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
THREAD = 0x00010000
AF_UNIX = 1
OWN_NUMBER = 0x7FEEDCBA
"""Stands for the process's own number, which is only known inside; no process has this one."""
TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX

# name: (x86_64, aarch64); None where the architecture has no such call
MISSING = {  # answered with ENOSYS: libraries fall back to older calls
    "clone3": (435, 435), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "seccomp": (317, 277), "userfaultfd": (323, 282),
    "bpf": (321, 280), "perf_event_open": (298, 241), "mq_open": (240, 180),
}  # fmt: skip
REFUSED = {  # answered with EPERM
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "move_mount": (429, 429),
    "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "chroot": (161, 51), "swapon": (167, 224),
    "swapoff": (168, 225), "quotactl": (179, 60), "quotactl_fd": (443, 443), "acct": (163, 89),
    "unshare": (272, 97), "setns": (308, 268), "personality": (135, 92), "modify_ldt": (154, None),
    "iopl": (172, None), "ioperm": (173, None), "uselib": (134, None), "ustat": (136, None), "sysfs": (139, None),
    "reboot": (169, 142), "sethostname": (170, 161), "setdomainname": (171, 162), "vhangup": (153, 58),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "syslog": (103, 116), "lookup_dcookie": (212, 18),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "fanotify_init": (300, 262),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "vmsplice": (278, 75),
    "mbind": (237, 235), "set_mempolicy": (238, 237), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "shmget": (29, 194), "shmat": (30, 196), "semget": (64, 190), "msgget": (68, 186), "io_setup": (206, 0),
    "socket": (41, 198), "mknod": (133, None), "mknodat": (259, 33),
}  # fmt: skip
REFUSED_WITHOUT_NAMESPACES = {  # what a namespace would have made harmless, and Landlock does not govern
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "fork": (57, None), "vfork": (58, None),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, None), "fchown": (93, 55),
    "lchown": (94, None), "fchownat": (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "utime": (132, None),
    "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88), "setpriority": (141, 140),
    "ioprio_set": (251, 30), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    "sched_setparam": (142, 118), "sched_setaffinity": (203, 122), "inotify_add_watch": (254, 27),
}  # fmt: skip
CHECKED = {
    "clone": (56, 220), "socketpair": (53, 199), "ioctl": (16, 29), "prlimit64": (302, 261), "tgkill": (234, 131),
    "kill": (62, 129),
}  # fmt: skip


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


def build(machine: Machine, *, one_process: bool) -> bytes:
    """Return the filter as an array of `struct sock_filter`.

    `one_process` is for use without namespaces: no new process, no signal to another one than `OWN_NUMBER`, no change
    of a file's mode, owner or times.
    """
    numbers = {**CHECKED, **MISSING, **REFUSED}
    code = [_op(LOAD, ARCHITECTURE), _op(EQUAL, machine.audit, 1, 0), _op(RETURN, KILL)]
    code += [_op(LOAD, NUMBER), _op(AT_LEAST, NEWEST + 1, 0, 1), _refuse(errno.ENOSYS)]  # also every x32 call
    checks = {
        "clone": _arguments((_op(ANY_BIT, NAMESPACES, 0, 1), _refuse(errno.EPERM))),
        "socketpair": _arguments((_op(EQUAL, AF_UNIX, 1, 0), _refuse(errno.EPERM))),
        "ioctl": _arguments(*[(_op(EQUAL, number, 0, 1), _refuse(errno.EPERM)) for number in TERMINAL_INPUT], index=1),
    }
    if one_process:
        numbers |= REFUSED_WITHOUT_NAMESPACES
        checks["clone"] = _arguments((_op(ANY_BIT, THREAD, 1, 0), _refuse(errno.EPERM)))
        checks["kill"] = checks["tgkill"] = _arguments((_op(EQUAL, OWN_NUMBER, 1, 0), _refuse(errno.EPERM)))
        checks["prlimit64"] = _arguments((_op(EQUAL, 0, 1, 0), _refuse(errno.EPERM)))
    for name, body in checks.items():
        number = numbers.pop(name)[machine.column]
        if number is not None:
            code += [_op(EQUAL, number, 0, len(body)), *body]
    numbers = {name: pair for name, pair in numbers.items() if name not in CHECKED}
    for name, pair in numbers.items():
        if pair[machine.column] is not None:
            answer = errno.ENOSYS if name in MISSING else errno.EPERM
            code += [_op(EQUAL, pair[machine.column] or 0, 0, 1), _refuse(answer)]
    return b"".join([*code, _op(RETURN, ALLOW)])


def _arguments(*tests: tuple[bytes, bytes], index: int = 0) -> list[bytes]:
    """Test the low half of one argument (both architectures are little-endian), then allow."""
    body = [_op(LOAD, FIRST_ARGUMENT + 8 * index)]
    for test in tests:
        body += test
    return [*body, _op(RETURN, ALLOW)]


def _refuse(number: int) -> bytes:
    return _op(RETURN, ERRNO | number)


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
