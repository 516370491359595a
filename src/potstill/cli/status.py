"""potstill status: what is done in a run folder, what is stale and why."""

from __future__ import annotations

import argparse
from pathlib import Path

from potstill.errors import PotstillError

NAME, HELP = "status", "what is done in a run folder, what is stale and why"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("run", metavar="RUN")


def work(asked: argparse.Namespace) -> int:
    """Say what is done in a run folder, what is stale and why."""
    from potstill import pipeline
    from potstill.pipeline.stages import stages_of
    from potstill.progress import clock
    from potstill.recipe_file import load
    from potstill.store import Run

    path = Path(asked.run)
    if not (path / "recipe.yaml").is_file():
        raise PotstillError(f"{path} is no run folder: it has no recipe.yaml")
    for status in pipeline.statuses(Run(path), stages_of(load(str(path / "recipe.yaml")))):
        spent = clock(status.seconds) if status.seconds else ""
        print(f"{status.stage.name:<18} {status.state:<10} {spent:>7}  {status.why}".rstrip())
    return 0
