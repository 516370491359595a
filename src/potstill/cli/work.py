"""potstill work: work for a run that another process is at; start it as often as there are cores or machines."""

from __future__ import annotations

import argparse
from pathlib import Path

from potstill.cli.options import positive, seconds, unsafe_option

NAME, HELP = "work", "work for a run that another process is at, as often as you like"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("run", metavar="RUN")
    command.add_argument(
        "--wait", type=seconds, default=0.0, metavar="SECONDS", help="wait so long for a run that has not begun"
    )
    command.add_argument("--for", type=positive, dest="parent", help=argparse.SUPPRESS)
    unsafe_option(command)


def work(asked: argparse.Namespace) -> int:
    """Take parts until the run is over, and say how many there were."""
    import os
    import sys
    import time

    from potstill.errors import PotstillError
    from potstill.pipeline.helping import Helper
    from potstill.pipeline.parts import PAUSE
    from potstill.store import Run

    run, parent = Run(Path(asked.run)), os.getppid()
    patience = time.monotonic() + asked.wait
    while not run.is_busy() and time.monotonic() < patience:
        time.sleep(PAUSE)
    if not run.is_busy():
        raise PotstillError(
            f"no process is at {run.path}: begin it with `potstill run`, or wait for that with --wait SECONDS"
        )
    until = (lambda: os.getppid() != parent) if asked.parent else (lambda: False)
    done = Helper(run, asked.without_sandbox, until).work()
    if not asked.parent:
        print(f"{run.path}: {done:,} parts made here", file=sys.stderr)
    return 0
