"""potstill steps: recompute the arithmetic of a file of worked solutions."""

from __future__ import annotations

import argparse

NAME, HELP = "steps", "recompute the arithmetic of a file of worked solutions"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("file", metavar="FILE", help="rows with id and steps or response")
    command.add_argument("--out", required=True, metavar="OUT.jsonl", help="the first wrong step of each row")


def work(asked: argparse.Namespace) -> int:
    """Recompute the arithmetic of a file of worked solutions."""
    from potstill.pipeline.files import steps_file

    print(steps_file(asked.file, asked.out))
    return 0
