"""potstill publish: put a finished run on the Hub: the student with its report, and its traces."""

from __future__ import annotations

import argparse
from pathlib import Path

NAME, HELP = "publish", "put a finished run on the Hugging Face Hub: student, report and traces"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("run", metavar="RUN")
    command.add_argument("--repo", metavar="NAME", help="NAME or OWNER/NAME (default: the recipe's name)")
    command.add_argument("--dry-run", action="store_true", help="show what would be sent, and send nothing")
    command.add_argument("--private", action="store_true", help="make repositories that are new private ones")


def work(asked: argparse.Namespace) -> int:
    """Show or send what a run delivers."""
    from potstill.pipeline.publishing import TRACES, owned, repositories, send
    from potstill.temporary import temporary_folder

    with temporary_folder("publish") as place:
        found = repositories(Path(asked.run), asked.repo, place)
        name = found[-1].name.removesuffix(TRACES)
        if not asked.dry_run and "/" not in name:
            found = repositories(Path(asked.run), owned(name), place)
        for repository in found:
            print(repository)
            if not asked.dry_run:
                print(f"  sent: {send(repository, private=asked.private)}")
    return 0
