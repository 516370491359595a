"""potstill status: what is done in a run folder, what is stale and why."""

from __future__ import annotations

import argparse
from pathlib import Path

from potstill.errors import PotstillError
from potstill.interrupt import INTERRUPTED

NAME, HELP = "status", "what is done in a run folder, what is stale and why"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("run", metavar="RUN")
    command.add_argument("--watch", action="store_true", help="go on showing it until the run ends")


def work(asked: argparse.Namespace) -> int:
    """Say what is done in a run folder, what is stale and why."""
    from potstill.graph import graph_of
    from potstill.pipeline import outputs, statuses
    from potstill.pipeline.funnels import told
    from potstill.pipeline.stages import stages_of
    from potstill.pipeline.watching import table, watch
    from potstill.recipe_file import load
    from potstill.store import Run

    path = Path(asked.run)
    if not (path / "recipe.yaml").is_file():
        raise PotstillError(f"{path} is no run folder: it has no recipe.yaml")
    if asked.watch:
        try:
            watch(Run(path))
        except KeyboardInterrupt:  # only the looking ends: the line of `interrupted` would be wrong
            return INTERRUPTED
    recipe = load(str(path / "recipe.yaml"))
    stages = stages_of(recipe)
    if not asked.watch:
        print(table(statuses(Run(path), stages)))
    if lines := list(told(graph_of(recipe), outputs(Run(path), stages))):
        print("\n".join(("", *lines)))
    return 0
