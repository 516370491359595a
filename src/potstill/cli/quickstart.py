"""potstill quickstart: the whole loop with no key, no GPU and no model hub."""

from __future__ import annotations

import argparse

from potstill.cli import run
from potstill.cli.options import run_options

NAME, HELP = "quickstart", "the whole loop with no key, no GPU and no model hub"
work = run.work


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    run_options(command)
    command.set_defaults(recipe="quickstart")
