"""The first code of the sandboxed interpreter, run before the program. Never imported: compiled and handed in.

Every execution pays for what is done and imported here, so it calls the system through `posix`, which is a part of the
interpreter, and leaves `os`, `typing` and `contextlib` to programs that want them.
"""
# ruff: noqa: SIM105

from __future__ import annotations

import builtins
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

SET_PARENT_DEATH_SIGNAL, KILL = 1, 9
SET_SECCOMP, SECCOMP_FILTER, NO_NEW_PRIVILEGES, RESTRICT_SELF = 22, 2, 38, 446


def begin(setup: dict[str, Any]) -> None:
    """Wait until the limits from outside are set; then close, write, give up and limit what is to be."""
    if setup["waits"] >= 0:
        posix.read(setup["waits"], 1)
    kept = {0, 1, 2, setup["status"], setup["channel"], setup["confine"].get("landlock")}
    for entry in posix.listdir("/proc/self/fd"):
        if int(entry) not in kept:
            try:
                posix.close(int(entry))
            except OSError:  # it was the listing's own
                pass
    for name, content in setup["files"].items():
        make_folders(name)
        with open(name, "wb") as file:
            file.write(content)
    if setup["confine"]:
        confine(**setup["confine"])
    import resource

    for which, value in setup["resources"]:
        hard = resource.getrlimit(which)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (least, least))


def make_folders(name: str) -> None:
    """Make the folders that a relative name lies in."""
    end = name.find("/")
    while end >= 0:
        try:
            posix.mkdir(name[:end])
        except FileExistsError:
            pass
        end = name.find("/", end + 1)


def confine(landlock: int, rules: bytes, own_number: bytes, prctl: int, parent: int) -> None:
    """Put the Landlock rules and the filter in force; `own_number` stands in the filter for this process.

    The process ends with `parent`, which may have ended already.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.argtypes = [ctypes.c_long] * 6

    def call(*arguments: int) -> None:
        if libc.syscall(*arguments, *[0] * (6 - len(arguments))) != 0:
            raise OSError(ctypes.get_errno(), f"system call {arguments[0]} failed")

    rules = rules.replace(own_number, posix.getpid().to_bytes(4, "little"))
    instructions = ctypes.create_string_buffer(rules, len(rules))
    program = (ctypes.c_uint64 * 2)(len(rules) // 8, ctypes.addressof(instructions))
    call(prctl, SET_PARENT_DEATH_SIGNAL, KILL)  # bubblewrap does this by itself
    if posix.getppid() != parent:
        posix._exit(1)
    call(prctl, NO_NEW_PRIVILEGES, 1)
    call(RESTRICT_SELF, landlock, 0)
    posix.close(landlock)
    call(prctl, SET_SECCOMP, SECCOMP_FILTER, ctypes.addressof(program))


def module_for(setup: dict[str, Any]) -> ModuleType:
    """Return the module that the program will be, as the interpreter would have made it without `-S`."""
    import _sitebuiltins

    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")
    builtins.help = _sitebuiltins._Helper()
    sys.argv[:] = ["program.py"]
    sys.path[:0] = [posix.getcwd()]
    module = type(sys)("__main__")
    module.__dict__.update(__file__="program.py", __builtins__=builtins)
    if setup["channel"] >= 0:
        module.__dict__.update(CHANNEL=setup["channel"], NONCE=setup["nonce"])
    sys.modules["__main__"] = module
    return module


def main(setup: dict[str, Any]) -> None:
    """Run the program, having forgotten what it is not to find in the frames above it."""
    begin(setup)
    module, status, source = module_for(setup), setup["status"], setup["program"]
    setup.clear()
    posix.write(status, b"s")
    posix.close(status)
    exec(compile(source, "program.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - the sandbox
