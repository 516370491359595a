"""potstill check: check a recipe and what it names, before anything is spent."""

from __future__ import annotations

import argparse

from potstill.cli.options import recipe_options, unsafe_option

NAME, HELP = "check", "check a recipe and what it names, before anything is spent"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    recipe_options(command)
    unsafe_option(command)


def work(asked: argparse.Namespace) -> int:
    """Check a recipe and what it names: no network, torch only where a student or a local teacher is looked at."""
    from potstill.cli.study import checked
    from potstill.graph import graph_of
    from potstill.pipeline.checks import check_recipe
    from potstill.pipeline.stages import stages_of
    from potstill.pipeline.study_file import is_study
    from potstill.recipe_file import load, located

    if is_study(asked.recipe):
        return checked(asked.recipe, asked)
    recipe = load(asked.recipe, asked.sets)
    with located(asked.recipe, asked.sets):
        unknown = check_recipe(recipe, without_sandbox=asked.without_sandbox)
        print(f"{asked.recipe} is sound: {' > '.join(stage.name for stage in stages_of(recipe))}")
    print(graph_of(recipe).text())
    for what in unknown:
        print(f"not looked at: {what}")
    return 0
