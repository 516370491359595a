"""potstill ask: put a question to a run's student."""

from __future__ import annotations

import argparse
from pathlib import Path

from potstill.cli.options import positive

NAME, HELP = "ask", "put a question to a run's student"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("run", metavar="RUN")
    command.add_argument("question", metavar="QUESTION")
    command.add_argument("--student", default="traces", help="which row of the table answers (default: traces)")
    command.add_argument("--max-tokens", type=positive, default=None, metavar="N")


def work(asked: argparse.Namespace) -> int:
    """Print a student's reasoning and answer."""
    from potstill.pipeline.asking import load_arm, refuse_empty

    refuse_empty(asked.question)
    print(load_arm(Path(asked.run), asked.student).answer(asked.question, asked.max_tokens))
    return 0
