"""Options that several commands take, and the types of their values."""

from __future__ import annotations

import argparse


def recipe_options(command: argparse.ArgumentParser) -> None:
    """Add the recipe and what is set beside it."""
    command.add_argument("recipe", metavar="RECIPE", help="a recipe file, or the name of a shipped recipe")
    command.add_argument(
        "--set", action="append", default=[], dest="sets", metavar="KEY=VALUE", help="such as student.lora.rank=8"
    )


def run_options(command: argparse.ArgumentParser, *, sets: bool = True) -> None:
    """Add what every run of a recipe takes."""
    if sets:
        command.add_argument(
            "--set", action="append", default=[], dest="sets", metavar="KEY=VALUE", help="such as seed=3"
        )
    command.add_argument("--out", metavar="DIR", help="the run folder (default: runs/NAME)")
    command.add_argument("--stage", metavar="NAME", help="run this stage alone")
    command.add_argument("--until", metavar="NAME", help="run this stage and those that it needs, such as examples")
    command.add_argument("--redo", action="store_true", help="redo committed stages whose settings changed")
    command.add_argument(
        "--go-on", action="store_true", help="where spend_at_most is spent, go on with what was answered"
    )
    command.add_argument(
        "--workers", type=positive, metavar="N", help="processes that share verdicts and curation (default: one a core)"
    )
    command.add_argument(
        "--store", metavar="ADDRESS",
        help="share verdicts and curation through s3://bucket/prefix, with workers that do not see the run folder",
    )  # fmt: skip
    events_option(command)
    unsafe_option(command)


def events_option(command: argparse.ArgumentParser) -> None:
    """Add where other programs read the progress."""
    command.add_argument(
        "--events", metavar="FILE", help="write progress as lines of JSON to a file, or to an open descriptor's number"
    )


def unsafe_option(command: argparse.ArgumentParser) -> None:
    """Add the consent to run programs where nothing isolates them."""
    command.add_argument(
        "--run-untrusted-code-without-a-sandbox",
        action="store_true",
        dest="without_sandbox",
        help="let programs that a model wrote run as you, where nothing isolates them",
    )


def positive(text: str) -> int:
    """Return a positive whole number."""
    if not text.isdecimal() or len(text) > 12 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text[:20]} is not a positive whole number")
    return int(text)


def temperature(text: str) -> float:
    """Return a temperature from 0."""
    from potstill.recipe.bounds import LEAST_TEMPERATURE

    value = _between(text, 0, 100, "temperature")
    if 0 < value < LEAST_TEMPERATURE:
        raise argparse.ArgumentTypeError(f"{text} is too small for a temperature: 0 is greedy")
    return value


def top_p(text: str) -> float:
    """Return a share of the mass that draws are from."""
    return _between(text, 1e-6, 1.0 + 1e-9, "share from 0 to 1")


def seconds(text: str) -> float:
    """Return a time in seconds."""
    return _between(text, 0.1, 3600, "number of seconds")


def _between(text: str, least: float, most: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not least <= value < most:
        raise argparse.ArgumentTypeError(f"{text} is no {what}")
    return value
