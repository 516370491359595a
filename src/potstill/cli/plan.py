"""potstill plan: what a run will take, before it is begun: tokens, dollars, time, memory, disk, each with its basis."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from potstill.cli.options import positive, recipe_options, unsafe_option

PROBE = "--probe"
"""With it the command trains, and so begins with the settings of commands that do."""
NAME, HELP = "plan", "show what a run will take: tokens, dollars, time, memory and disk"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    recipe_options(command)
    command.add_argument(
        "--out", metavar="DIR", help="the run folder (default: runs/NAME); what is committed there is known"
    )
    command.add_argument("--gpu", metavar="NAME", help="plan for an accelerator, such as H100, not for this machine")
    command.add_argument(
        "--pilot", metavar="N", type=positive, help="ask the teacher N problems first; the run asks them no more"
    )
    command.add_argument(PROBE, action="store_true", help="time steps of each student on this machine first")
    unsafe_option(command)


def work(asked: argparse.Namespace) -> int:
    """Print the plan, and keep it beside the run."""
    from potstill.planning import plan_of, record
    from potstill.recipe_file import load, located
    from potstill.store import Run

    recipe = load(asked.recipe, asked.sets)
    folder = Run(Path(asked.out) if asked.out else Path("runs") / recipe.name)
    noted: dict[str, Any] = {}
    with located(asked.recipe, asked.sets):
        if asked.pilot is not None:
            from potstill.planning.pilot import ask

            noted["pilots"] = ask(recipe, folder, asked.pilot, without_sandbox=asked.without_sandbox)
        if asked.probe:
            from potstill.planning.probe import probe

            noted |= probe(recipe, folder)
        plan = plan_of(
            recipe, folder, accelerator=asked.gpu, measured=record.measured_before(recipe, folder, noted)
        )  # fmt: skip
    print(plan)
    if asked.gpu is None:
        record.keep(plan, folder, noted)
    return 0
