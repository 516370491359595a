"""potstill completion: a script by which a shell completes commands, options, recipes and folders."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from potstill.errors import MissingExtraError

NAME, HELP = "completion", "print a script that completes commands and options in a shell"
SHELLS = ("bash", "zsh", "fish")
FOLDERS = ("RUN", "DIR", "MODEL")
"""Values that are folders, by the names that `--help` has for them."""
FILES = ("FILE", "FILE.py", "FILE|RUN", "FILE.jsonl", "OUT.jsonl")


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("shell", choices=SHELLS, help="which shell: " + ", ".join(SHELLS))


def work(asked: argparse.Namespace) -> int:
    """Print the script; it holds the commands and options of this version and asks nobody."""
    try:
        import shtab
    except ImportError as error:
        raise MissingExtraError("potstill completion", "shtab", "completion") from error

    whole, recipes = asked.parser, _recipes()
    for action in _actions(whole):
        if action.metavar == "RECIPE":
            action.complete = recipes  # type: ignore[attr-defined]
        elif action.metavar in (*FOLDERS, *FILES):
            action.complete = shtab.DIRECTORY if action.metavar in FOLDERS else shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(whole, asked.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield every argument of a parser and of the commands below it."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)


def _recipes() -> dict[str, Any]:
    """Return how each shell completes a recipe: shipped ones by name, and files."""
    from potstill.recipe_file import shipped

    names = " ".join(shipped())
    return {
        "bash": "_potstill_recipes",
        "zsh": "_potstill_recipes",
        "fish": "(_potstill_recipes)",
        "preamble": {
            "bash": f'_potstill_recipes() {{\n  compgen -W "{names}" -- "$1"\n  compgen -f -- "$1"\n}}',
            "zsh": f"_potstill_recipes() {{\n  _alternative 'recipes:shipped recipe:({names})' 'files:file:_files'\n}}",
            "fish": f"function _potstill_recipes\n  string split ' ' '{names}'\n"
            "  __fish_complete_path (commandline -ct)\nend",
        },
    }
