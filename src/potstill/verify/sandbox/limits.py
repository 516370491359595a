"""What one program may use, and how its run ended."""

from __future__ import annotations

import math
import resource
from dataclasses import dataclass
from typing import Literal

from potstill.errors import PotstillError

End = Literal["exit", "timeout", "signal", "memory", "output"]

OPEN_FILES = 64
STACK_BYTES = 64 << 20
"""Deep recursion is common in solutions; beyond this it is a segmentation fault."""


class SandboxError(PotstillError):
    """No isolation works here, or the sandbox itself failed: an outage, never a property of the program."""


@dataclass(frozen=True)
class Limits:
    """What a program may use: wall-clock `seconds`, MiB of memory, bytes on stdout and stderr together, threads
    (its first one counts) and MiB of files. It is one process: under every backend it can start no other."""

    seconds: float = 10.0
    memory_mb: int = 512
    output_bytes: int = 1 << 20
    threads: int = 64
    files_mb: int = 16

    def resources(self, *, count_tasks: bool) -> list[tuple[int, int]]:
        """Return (resource, value) for setrlimit.

        `count_tasks` is false where the kernel would count the user's other processes too; memory then ends threads.
        """
        values = [
            (resource.RLIMIT_AS, self.memory_mb << 20),
            # A backstop only: the wall clock ends a program first.
            (resource.RLIMIT_CPU, math.ceil(self.seconds) * self.threads + 1),
            (resource.RLIMIT_FSIZE, self.files_mb << 20),
            (resource.RLIMIT_NOFILE, OPEN_FILES),
            (resource.RLIMIT_STACK, STACK_BYTES),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_MEMLOCK, 0),
        ]
        return [*values, (resource.RLIMIT_NPROC, self.threads)] if count_tasks else values


@dataclass(frozen=True)
class Ran:
    """One finished run. `code` is the exit code, minus the signal's number, or None where the sandbox ended it.

    bubblewrap passes signal n on as exit code 128 + n, so a program that exits with such a code reads as signalled.
    `seconds` are the program's own, without the start of the sandbox.
    """

    ended: End
    code: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
