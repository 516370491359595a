"""potstill sandbox: what isolates programs here; `sandbox run FILE.py` runs one in it."""

from __future__ import annotations

import argparse
from pathlib import Path

from potstill.cli.options import positive, seconds, unsafe_option

NAME, HELP = "sandbox", "what isolates programs here; `sandbox run FILE.py` runs one in it"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.set_defaults(file=None)
    action = command.add_subparsers(metavar="run").add_parser("run", help="run a program in the sandbox")
    action.add_argument("file", metavar="FILE.py")
    action.add_argument("--seconds", type=seconds, default=10.0, metavar="S", help="for the program (default: 10)")
    action.add_argument("--memory-mb", type=positive, default=512, metavar="N")
    unsafe_option(action)


def work(asked: argparse.Namespace) -> int:
    """Print what is isolated and what is not, or run one program and return its exit code."""
    from potstill.verify.sandbox import describe, run_file

    if asked.file is None:
        print(describe())
        return 0
    return run_file(Path(asked.file), seconds=asked.seconds, memory_mb=asked.memory_mb, without=asked.without_sandbox)
