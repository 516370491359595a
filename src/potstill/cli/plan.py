"""potstill plan: what a run will take, before it is begun: tokens, dollars, time, memory, disk, each with its basis."""

from __future__ import annotations

import argparse
from pathlib import Path

from potstill.cli.options import recipe_options

NAME, HELP = "plan", "show what a run will take: tokens, dollars, time, memory and disk"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    recipe_options(command)
    command.add_argument(
        "--out", metavar="DIR", help="the run folder (default: runs/NAME); what is committed there is known"
    )
    command.add_argument(
        "--gpu", metavar="NAME", help="plan for an accelerator, such as H100, in place of this machine"
    )


def work(asked: argparse.Namespace) -> int:
    """Print the plan."""
    from potstill.planning import plan_of
    from potstill.recipe_file import load, located
    from potstill.store import Run

    recipe = load(asked.recipe, asked.sets)
    folder = Run(Path(asked.out) if asked.out else Path("runs") / recipe.name)
    with located(asked.recipe, asked.sets):
        print(plan_of(recipe, folder, accelerator=asked.gpu))
    return 0
