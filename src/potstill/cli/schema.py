"""potstill schema: print the JSON Schema of a recipe or of a study file, for editors."""

from __future__ import annotations

import argparse

NAME, HELP = "schema", "print the JSON Schema of a recipe, for editors"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("--study", action="store_true", help="that of a study file instead")


def work(asked: argparse.Namespace) -> int:
    """Print the schema as it is shipped."""
    if asked.study:
        from potstill.pipeline import study_schema

        print(study_schema.text(), end="")
        return 0
    from potstill import recipe_schema

    print(recipe_schema.text(), end="")
    return 0
