"""potstill compare: students of several runs, problem by problem."""

from __future__ import annotations

import argparse

NAME, HELP = "compare", "compare students of several runs, problem by problem"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument(
        "subjects", nargs="+", metavar="RUN|STAGE|FILE",
        help="runs, stages such as runs/a/evaluate-traces, or files of `potstill evaluate --out`",
    )  # fmt: skip
    command.add_argument("--arm", metavar="NAME", help="the arm of each run (default: the one that it delivers)")
    command.add_argument("--out", metavar="FILE", help="write the comparison: .html, .json, or text")


def work(asked: argparse.Namespace) -> int:
    """Print the comparison."""
    from potstill.pipeline.comparing import comparison, written

    found = comparison(asked.subjects, asked.arm)
    print(found.text())
    if asked.out is not None:
        written(found, asked.out)
    return 0
