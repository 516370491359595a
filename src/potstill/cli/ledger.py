"""potstill ledger: what a run's teacher answered and cost, while it runs and after."""

from __future__ import annotations

import argparse
from pathlib import Path

NAME, HELP = "ledger", "what a run's teacher answered and cost, while it runs and after"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("run", metavar="RUN")
    command.add_argument("--show", metavar="KEY", help="print one completion; the start of its key is enough")


def work(asked: argparse.Namespace) -> int:
    """Print the sums of a run's ledger, or one completion."""
    from potstill.models.inspect import describe, show

    run = Path(asked.run)
    print(describe(run) if asked.show is None else show(run, asked.show))
    return 0
