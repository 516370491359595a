"""The command line as tests use it: a recipe that runs in a second, and calls with what they printed.

`call` runs a command in this process (torch is loaded once for all tests), `start` in a process of its own.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass

from potstill.cli import main

TINY = """\
name: tiny
seed: 3
problems:
  evaluate: 4
  sources:
    - {family: chain, count: 24}
teacher: {kind: worked}
student:
  scratch: {hidden: 16, layers: 1, heads: 2, intermediate: 32, vocabulary: 300, context: 256}
train: {steps: 3, batch: 4, micro_batch: 4, learning_rate: 1.0e-3, precision: fp32, checkpoint_every: 1}
evaluate: {max_tokens: 8, batch: 2, shots: 1}
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code and what it printed."""

    code: int
    out: str
    err: str

    def mistake(self) -> str:
        """Return the one line of a user's mistake; fail unless there is just that, as the last line, and code 2."""
        told = [line for line in self.err.splitlines() if line.startswith("potstill:")]
        assert self.code == 2, self
        assert "Traceback" not in self.err, self.err
        assert len(told) == 1, self.err
        assert self.err.splitlines()[-1] == told[0], self.err
        return told[0]


def call(*argv: object) -> Ended:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(item) for item in argv])
        except SystemExit as end:  # of argparse
            code = int(end.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())


def done(*argv: object) -> Ended:
    """Run the command in this process; fail unless it ends well."""
    ended = call(*argv)
    assert ended.code == 0, ended
    return ended


def start(*argv: object, **environment: str) -> subprocess.Popen[str]:
    """Start the command in a process group of its own, as a terminal does."""
    return subprocess.Popen(
        [sys.executable, "-m", "potstill", *map(str, argv)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, **environment},
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for a started command."""
    out, err = process.communicate(timeout=120)
    return Ended(process.returncode, out, err)
