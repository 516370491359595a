"""potstill init: write a commented recipe to start from."""

from __future__ import annotations

import argparse
from pathlib import Path

from potstill.errors import PotstillError

NAME, HELP = "init", "write a commented recipe to start from"
SCHEMA = "recipe.schema.json"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("file", nargs="?", default="recipe.yaml", metavar="FILE")


def work(asked: argparse.Namespace) -> int:
    """Write the commented template; never over an existing file."""
    from importlib import resources

    from potstill.durable import writing

    path = Path(asked.file)
    recipes = Path(str(resources.files("potstill"))) / "recipes"
    text = (recipes / "template.txt").read_text(encoding="utf-8")
    # An editor looks for the schema beside the recipe unless it is told where potstill is.
    text = text.replace(SCHEMA, (recipes / SCHEMA).as_uri(), 1)
    if path.exists():
        raise PotstillError(f"{path} exists: name another file")
    if not path.parent.is_dir():
        raise PotstillError(f"{path}: there is no folder {path.parent}: make it first")
    with writing(path), path.open("x", encoding="utf-8") as file:
        file.write(text)
    print(f"wrote {path}; next: potstill check {path}")
    return 0
