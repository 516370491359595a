"""`potstill sandbox run FILE.py`: one program of the user's own choosing, in the sandbox."""

from __future__ import annotations

import sys
from pathlib import Path

from potstill.errors import DataError
from potstill.verify.sandbox.limits import Limits
from potstill.verify.sandbox.probe import open_sandbox

ENDED_BY_A_LIMIT = 124
"""The exit code of timeout(1) for this."""


def run_file(path: Path, *, seconds: float, memory_mb: int, without: bool) -> int:
    """Run the program, write its output to ours, and return its exit code: 128 + n for signal n, 124 at a limit.

    Raises `DataError` for a file that cannot be read, and `SandboxError` as `open_sandbox` does.
    """
    try:
        program = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    limits = Limits(seconds=seconds, memory_mb=memory_mb)
    ran = open_sandbox(without=without).run(program, limits=limits)
    for stream, data in ((sys.stdout, ran.stdout), (sys.stderr, ran.stderr)):
        stream.buffer.write(data)
        stream.flush()
    if ran.code is None or ran.ended == "memory":
        what = {"timeout": f"{limits.seconds:g} seconds", "memory": f"{limits.memory_mb} MiB of memory",
                "output": f"{limits.output_bytes} bytes of output"}  # fmt: skip
        print(f"potstill: ended at the limit of {what[ran.ended]}", file=sys.stderr)
        return ENDED_BY_A_LIMIT
    return ran.code if ran.code >= 0 else 128 - ran.code
