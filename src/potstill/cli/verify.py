"""potstill verify: judge a file of answers or responses against their golds."""

from __future__ import annotations

import argparse

from potstill.cli.options import unsafe_option

NAME, HELP = "verify", "judge a file of answers or responses against their golds"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("file", metavar="FILE", help="rows with id, gold and prediction or response")
    command.add_argument("--out", required=True, metavar="OUT.jsonl", help="one verdict a row, in the same order")
    unsafe_option(command)


def work(asked: argparse.Namespace) -> int:
    """Judge a file of rows."""
    from potstill.pipeline.files import verify_file

    print(verify_file(asked.file, asked.out, without_sandbox=asked.without_sandbox))
    return 0
