"""The ways to run programs, best first: what each does, and why it may not work here."""

from __future__ import annotations

import os
import platform
import re
import sys
from functools import cache
from pathlib import Path

from potstill.verify.sandbox import cgroup, seccomp
from potstill.verify.sandbox.bubblewrap import bubblewrap
from potstill.verify.sandbox.folders import temporary
from potstill.verify.sandbox.interpreter import ENVIRONMENT, FLAGS, interpreter
from potstill.verify.sandbox.landlock import NEWEST, landlock
from potstill.verify.sandbox.limits import Limits, SandboxError
from potstill.verify.sandbox.running import FIRST_USER, Confinement

TASKS_BY_NAMESPACE = (5, 14)
"""From this Linux on, RLIMIT_NPROC counts the tasks of one user namespace; before, all of the user's."""


def with_bubblewrap() -> Confinement:
    """Namespaces by bubblewrap, a filter and limits."""
    found, machine = bubblewrap(), _machine()
    root = os.geteuid() == 0
    counted = root or kernel() >= TASKS_BY_NAMESPACE
    user = f"userns uid {FIRST_USER}+" if root else f"userns uid {os.geteuid()}"
    group = cgroup.delegated()
    more = ", cgroup" if group else ""
    return Confinement(
        isolation=f"bubblewrap {found.version}, {user}, no network, seccomp, one process{more}",
        command=found.command,
        filter=seccomp.build(machine, namespaces=True),
        namespaces=True,
        count_tasks=counted,
        drops_root=root,
        group=group,
    )


def with_landlock(newest: int = NEWEST) -> Confinement:
    """Landlock of this kernel's version or an older one, a filter and limits, without namespaces."""
    machine, folder = _machine(), working_folder()
    rules, root = landlock(folder, newest), os.geteuid() == 0
    user = f"uid {FIRST_USER}+" if root else f"uid {os.geteuid()}"
    return Confinement(
        isolation=f"Landlock ABI {rules.version}, {user}, no network, seccomp, one process, no writable files",
        command=_plain_command,
        count_tasks=root,
        drops_root=root,
        environment=_plain_environment(),
        folder=folder,
        inside={
            "landlock": rules.rules,
            "rules": seccomp.build(machine, namespaces=False),
            "own_number": seccomp.OWN_NUMBER.to_bytes(4, "little"),
            "prctl": machine.prctl,
        },
    )


def without_isolation() -> Confinement:
    """Limits only. For the flag named for its danger."""
    if sys.platform != "linux":
        raise SandboxError(f"programs are run on Linux only, this is {sys.platform}")
    return Confinement(
        isolation="none",
        command=_plain_command,
        drops_root=os.geteuid() == 0,
        environment=_plain_environment(),
        folder=working_folder(),
    )


BACKENDS = {"bubblewrap": with_bubblewrap, "Landlock": with_landlock}

REMEDIES = (
    (r"uid map: Permission denied|RTM_NEWADDR: Operation not permitted",
     "AppArmor restricts user namespaces (Ubuntu 23.10 and later): allow them for {bwrap} by a profile, or set"
     " kernel.apparmor_restrict_unprivileged_userns=0"),
    (r"No space left on device", "user namespaces are used up or off: raise user.max_user_namespaces"),
    (r"uid map: Operation not permitted|[Nn]o permissions to creat\w+ (a )?new namespace|Operation not permitted",
     "the container forbids user namespaces: run it with a seccomp and AppArmor profile that allows them"
     " (docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined)"),
)  # fmt: skip


def remedy(message: str) -> str:
    """Return what to do about a message of bubblewrap's, or nothing."""
    for pattern, text in REMEDIES:
        if re.search(pattern, message):
            return text.format(bwrap=bubblewrap().executable)
    return ""


def kernel() -> tuple[int, int]:
    """Return the version of the running Linux."""
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    return (int(found[1]), int(found[2])) if found else (0, 0)


@cache
def working_folder() -> Path:
    """Return a folder for the working folders of programs without a file system of their own; removed at exit."""
    folder = temporary("sandbox")
    folder.chmod(0o711)
    return folder


def _machine() -> seccomp.Machine:
    machine = seccomp.machine()
    if machine is None or sys.platform != "linux":
        raise SandboxError(f"no system-call filter for {sys.platform} on {platform.machine()}")
    return machine


def _plain_command(limits: Limits, rules: int, information: int) -> list[str]:
    return [str(interpreter().executable_outside), *FLAGS]


def _plain_environment() -> dict[str, str]:
    """A staged interpreter finds its shared library by this; one in its place needs nothing."""
    executable = interpreter().executable_outside
    if executable == interpreter().executable:
        return ENVIRONMENT
    return ENVIRONMENT | {"LD_LIBRARY_PATH": str(executable.parents[1] / "lib")}
