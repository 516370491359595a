"""potstill export: write a run's traces as a data set, or its problems and verifiers for a trainer of others."""

from __future__ import annotations

import argparse
from pathlib import Path

from potstill.errors import PotstillError

NAME, HELP = "export", "write a run's traces as a data set, or its problems and verifiers for another trainer"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("run", metavar="RUN")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--traces", metavar="SHAPE", help="traces: openthoughts, openr1, sharegpt or messages")
    what.add_argument("--prompts", metavar="TRAINER", help="problems with rewards: trl, verl or prime-rl")
    command.add_argument("--out", required=True, metavar="OUT", help="a file of traces, or a folder for a trainer")
    command.add_argument("--kept", action="store_true", help="only the traces that became examples")


def work(asked: argparse.Namespace) -> int:
    """Write a run's traces in a published shape, or what another trainer needs."""
    if asked.prompts is not None:
        from potstill.pipeline.handing_over import export_prompts

        if asked.kept:
            raise PotstillError("--kept is of traces: leave it out with --prompts")
        print(export_prompts(Path(asked.run), asked.prompts, Path(asked.out)))
        return 0
    from potstill.pipeline.published import export_traces

    print(export_traces(Path(asked.run), asked.traces, Path(asked.out), kept=asked.kept))
    return 0
