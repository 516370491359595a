"""potstill schema: print the JSON Schema of a recipe, for editors."""

from __future__ import annotations

import argparse

NAME, HELP = "schema", "print the JSON Schema of a recipe, for editors"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes: nothing."""


def work(asked: argparse.Namespace) -> int:
    """Print the schema as it is shipped."""
    from potstill import recipe_schema

    del asked
    print(recipe_schema.text(), end="")
    return 0
