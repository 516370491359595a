"""potstill diff: what differs between the curated sets of two runs, and why."""

from __future__ import annotations

import argparse
from pathlib import Path

NAME, HELP = "diff", "show which traces the sets of two runs do not share, and why"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("first", metavar="RUN_A")
    command.add_argument("second", metavar="RUN_B")
    command.add_argument("--set", default="examples", dest="name", metavar="NAME", help="such as examples-canonical")
    command.add_argument("--out", metavar="OUT.jsonl", help="write every change, a row each")


def work(asked: argparse.Namespace) -> int:
    """Compare, print the counts, and write the changes."""
    import sys

    from potstill.pipeline.files import write_rows
    from potstill.pipeline.set_changes import difference

    found = difference(Path(asked.first), Path(asked.second), asked.name)
    print("\n".join(found.lines((asked.first, asked.second))))
    if asked.out:
        rows = (change.row() for change in found.changes)
        count = write_rows(Path(asked.out), rows, f"{asked.first} and {asked.second}", "diff")
        print(f"{count:,} changes written to {asked.out}", file=sys.stderr)
    return 0
