"""potstill reverify: judge the traces of a run anew and show which verdicts change, and why."""

from __future__ import annotations

import argparse
from pathlib import Path

from potstill.cli.options import unsafe_option

NAME, HELP = "reverify", "judge a run's stored traces anew and show which verdicts change, and why"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("run", metavar="RUN")
    command.add_argument(
        "--set", action="append", default=[], dest="sets", metavar="KEY=VALUE",
        help="such as checks.policy.percent=strict",
    )  # fmt: skip
    command.add_argument("--out", metavar="OUT.jsonl", help="write every change, a row each")
    unsafe_option(command)


def work(asked: argparse.Namespace) -> int:
    """Judge anew, and print what changed."""
    from potstill.pipeline.reverifying import print_changes

    out = Path(asked.out) if asked.out else None
    print_changes(Path(asked.run), asked.sets, out, without_sandbox=asked.without_sandbox)
    return 0
