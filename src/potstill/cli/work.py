"""potstill work: work for a run that another process is at; start it as often as there are cores or machines."""

from __future__ import annotations

import argparse

from potstill.cli.options import positive, seconds, unsafe_option

NAME, HELP = "work", "work for a run that another process is at, as often as you like"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("run", metavar="RUN", help="a run folder, or the address of the --store that a run has")
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
    from potstill.pipeline.helping import Helper, place_of

    patience = time.monotonic() + asked.wait
    until = (lambda: os.getppid() != asked.parent) if asked.parent else (lambda: False)
    with place_of(asked.run) as place:
        while not (busy := place.is_busy()) and time.monotonic() < patience:
            time.sleep(place.idle)
        if not busy:
            raise PotstillError(
                f"no process is at {place.name}: begin it with `potstill run`, or wait for that with --wait SECONDS"
            )
        done = Helper(place, asked.without_sandbox, until).work()
    if not asked.parent:
        print(f"{place.name}: {done:,} parts made here", file=sys.stderr)
    return 0
