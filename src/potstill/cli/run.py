"""potstill run: run a recipe; goes on where an earlier run stopped."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from potstill.cli.options import recipe_options, run_options
from potstill.errors import PotstillError

if TYPE_CHECKING:
    from potstill.recipe import Recipe
    from potstill.store import Run

NAME, HELP = "run", "run a recipe; goes on where an earlier run stopped"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    recipe_options(command)
    run_options(command, sets=False)


def work(asked: argparse.Namespace) -> int:
    """Run a recipe and print the table."""
    from potstill import pipeline
    from potstill.events import told_to
    from potstill.recipe_file import load, located
    from potstill.store import Run

    recipe = load(asked.recipe, asked.sets)
    folder = Run(Path(asked.out) if asked.out else Path("runs") / recipe.name)
    for place in (folder.path, *folder.path.parents):
        if place.exists() and not place.is_dir():
            raise PotstillError(f"--out {folder.path}: {place} is a file, not a folder: name another")
    with told_to(asked.events), located(asked.recipe, asked.sets):
        pipeline.run(
            recipe, folder, only=asked.stage, until=asked.until, redo=asked.redo,
            without_sandbox=asked.without_sandbox, go_on=asked.go_on, workers=asked.workers, store=asked.store,
        )  # fmt: skip
    if (asked.stage or asked.until) in (None, "report"):
        tell(recipe, folder)
    return 0


def tell(recipe: Recipe, folder: Run) -> None:
    """Print what a finished run came to, and the line that serves its student."""
    from potstill.graph import graph_of

    print((folder.path / "table.txt").read_text(encoding="utf-8"))
    print(f"report: {folder.path / 'report.html'}")
    if graph_of(recipe).deliver is not None:
        print(f"serve it: potstill serve {shlex.quote(str(folder.path))}")
