"""The programs of held.txt and ended.txt, and system calls by their numbers, as tables."""

import json
import platform
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
PRELUDE = (HERE / "prelude.py").read_text()


@dataclass(frozen=True)
class Ending:
    """A program, its limits, and how it must end: one of `ended`, with `code` where one is given, saying `stdout`."""

    program: str
    ended: list
    code: int | None = None
    stdout: str | None = None
    limits: dict = field(default_factory=dict)
    machine: str = platform.machine()


def _blocks(name, after=""):
    """(head, program) of each block of the file, or of its part after a heading."""
    for block in (HERE / name).read_text().partition(after or "\n")[2].split("\n=== ")[1:]:
        head, _, program = block.partition("\n")
        yield head, program.split("\n#####")[0]


def _endings():
    for head, program in _blocks("ended.txt"):
        name, _, meta = head.partition(" ")
        raw = program.replace("@NUL@", "\0").replace("@NOT_TEXT@", "\udcff\udcfe")
        ending = Ending(raw, **json.loads(meta))
        if ending.machine == platform.machine():
            yield name, ending


NUMBERS = {  # from asm/unistd.h of each architecture, apart from the table under test
    "x86_64": {
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "pidfd_getfd": 438, "mount": 165,
        "umount2": 166, "pivot_root": 155, "chroot": 161, "move_mount": 429, "open_tree": 428, "fsopen": 430,
        "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "swapon": 167, "swapoff": 168,
        "reboot": 169, "sethostname": 170, "setdomainname": 171, "init_module": 175, "finit_module": 313,
        "delete_module": 176, "kexec_load": 246, "kexec_file_load": 320, "acct": 163, "quotactl": 179,
        "settimeofday": 164, "clock_settime": 227, "clock_adjtime": 305, "adjtimex": 159, "syslog": 103,
        "open_by_handle_at": 304, "name_to_handle_at": 303, "fanotify_init": 300, "setns": 308, "unshare": 272,
        "clone3": 435, "memfd_create": 319, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "io_uring_setup": 425, "io_uring_enter": 426, "keyctl": 250, "add_key": 248, "request_key": 249, "shmget": 29,
        "semget": 64, "msgget": 68, "mq_open": 240, "personality": 135, "seccomp": 317, "vmsplice": 278, "mbind": 237,
        "move_pages": 279, "process_madvise": 440, "vhangup": 153, "io_setup": 206, "clone": 56, "tgkill": 234,
        "rt_sigqueueinfo": 129, "getpid": 39, "iopl": 172, "ioperm": 173, "modify_ldt": 154, "memfd_secret": 447,
        "fchmodat2": 452, "statmount": 457, "lsm_set_self_attr": 460, "from_the_future": 4000,
    },
    "aarch64": {
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "pidfd_getfd": 438, "mount": 40,
        "umount2": 39, "pivot_root": 41, "chroot": 51, "move_mount": 429, "open_tree": 428, "fsopen": 430,
        "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "swapon": 224, "swapoff": 225,
        "reboot": 142, "sethostname": 161, "setdomainname": 162, "init_module": 105, "finit_module": 273,
        "delete_module": 106, "kexec_load": 104, "kexec_file_load": 294, "acct": 89, "quotactl": 60,
        "settimeofday": 170, "clock_settime": 112, "clock_adjtime": 266, "adjtimex": 171, "syslog": 116,
        "open_by_handle_at": 265, "name_to_handle_at": 264, "fanotify_init": 262, "setns": 268, "unshare": 97,
        "clone3": 435, "memfd_create": 279, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "io_uring_setup": 425, "io_uring_enter": 426, "keyctl": 219, "add_key": 217, "request_key": 218, "shmget": 194,
        "semget": 190, "msgget": 186, "mq_open": 180, "personality": 92, "seccomp": 277, "vmsplice": 75, "mbind": 235,
        "move_pages": 239, "process_madvise": 440, "vhangup": 58, "io_setup": 0, "clone": 220, "tgkill": 131,
        "rt_sigqueueinfo": 138, "getpid": 172, "memfd_secret": 447, "fchmodat2": 452, "statmount": 457,
        "lsm_set_self_attr": 460, "from_the_future": 4000,
    },
}.get(platform.machine(), {})  # fmt: skip
BAD = "1"  # an address that nobody has: where a call gets through, it fails without effect
ARGUMENTS = {
    "sethostname": f"{BAD}, -1", "setdomainname": f"{BAD}, -1", "acct": BAD, "swapon": BAD, "swapoff": BAD,
    "unshare": "0x10000000", "mount": f"{BAD}, {BAD}, {BAD}, 0, 0", "umount2": BAD, "chroot": BAD,
    "ptrace": "0x4206, 0", "pivot_root": f"{BAD}, {BAD}", "reboot": "0, 0, 0, 0", "settimeofday": f"{BAD}, {BAD}",
    "clock_settime": f"0, {BAD}",
    "clock_adjtime": f"0, {BAD}", "adjtimex": BAD, "keyctl": "0, -3, 0", "add_key": f"{BAD}, {BAD}, 0, 0, -3",
    "personality": "0xffffffff", "shmget": "0, 4096, 0o1600", "semget": "0, 1, 0o1600", "msgget": "0, 0o1600",
    "memfd_create": "b'x', 0", "setns": "0, 0", "iopl": "99", "syslog": "99, 0, 0", "mq_open": BAD,
    "fanotify_init": "0, 0", "userfaultfd": "1", "vhangup": "", "io_setup": f"1, {BAD}",
}  # fmt: skip
UNCHECKED = {"clone", "tgkill", "rt_sigqueueinfo", "getpid"}
CALLS = {
    f"call_{name}": f"refused({number}, {ARGUMENTS.get(name, f'{BAD}, 0, 0, 0, 0')})"
    for name, number in NUMBERS.items()
    if name not in UNCHECKED
}
for _name, _flag in {
    "user": 0x10000000,
    "mount": 0x20000,
    "net": 0x40000000,
    "pid": 0x20000000,
    "uts": 0x4000000,
}.items():
    CALLS[f"clone_into_a_new_{_name}_namespace"] = (
        f"result, error = syscall(facts['numbers']['clone'], {_flag} | 17, 0, 0, 0, 0)\n"
        "if result == 0: os._exit(0)\nheld(result == -1 and error == errno.EPERM, (result, error))"
    )
if platform.machine() == "x86_64":
    CALLS["call_by_the_x32_numbers"] = "refused(0x40000000 | facts['numbers']['getpid'])"

HELD = {**dict(_blocks("held.txt")), **CALLS}
SECOND = list(dict(_blocks("held.txt", after="##### the second line")))
ENDED = dict(_endings())
