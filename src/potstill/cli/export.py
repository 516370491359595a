"""potstill export: write a run's traces as a data set in a published shape."""

from __future__ import annotations

import argparse
from pathlib import Path

NAME, HELP = "export", "write a run's traces as a data set in a published shape"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("run", metavar="RUN")
    command.add_argument("--traces", required=True, metavar="SHAPE", help="openthoughts, openr1, sharegpt or messages")
    command.add_argument("--out", required=True, metavar="OUT.jsonl")
    command.add_argument("--kept", action="store_true", help="only the traces that became examples")


def work(asked: argparse.Namespace) -> int:
    """Write a run's traces in a published shape."""
    from potstill.pipeline.published import export_traces

    print(export_traces(Path(asked.run), asked.traces, Path(asked.out), kept=asked.kept))
    return 0
