"""potstill verify: judge a file of answers or responses against their golds, or try a checker on wrong answers."""

from __future__ import annotations

import argparse

from potstill.cli.options import positive, unsafe_option
from potstill.errors import PotstillError

NAME, HELP = "verify", "judge a file of answers or responses against their golds"
FOR_STRESS = ("recipe", "sets", "checker", "column", "kind", "count")


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("file", metavar="FILE", help="rows with id, gold and prediction or response")
    command.add_argument("--out", metavar="OUT.jsonl", help="one verdict a row, in the same order")
    unsafe_option(command)
    tried = command.add_argument_group(
        "trying a checker", "FILE has problems with golds, and answers that are wrong by construction are judged"
    )
    tried.add_argument("--stress", action="store_true", help="how many wrong answers are taken for right; ends with 1")
    tried.add_argument("--recipe", metavar="RECIPE", help="whose checks are tried (default: plain ones)")
    tried.add_argument(
        "--set",
        action="append",
        default=[],
        dest="sets",
        metavar="KEY=VALUE",
        help="such as checks.policy.tolerance=.1",
    )
    tried.add_argument("--checker", metavar="FILE.py:FUNCTION", help="your own checker, in the place of comparison")
    tried.add_argument("--column", action="append", default=[], metavar="FIELD=COLUMN", help="where a field stands")
    tried.add_argument("--kind", metavar="KIND", help="how answers compare")
    tried.add_argument("--count", type=positive, metavar="N", help="at most this many problems")


def work(asked: argparse.Namespace) -> int:
    """Judge a file of rows, or try a checker on its problems."""
    if asked.stress:
        from potstill.pipeline.stressing import stress

        found = stress(argparse.Namespace(**vars(asked), problems=asked.file, seed=0))
        print(found)
        return 1 if found.accepted or found.refused else 0
    if named := [name for name in FOR_STRESS if getattr(asked, name)]:
        raise PotstillError(
            f"--{'set' if named[0] == 'sets' else named[0]} belongs to --stress: add that or leave it out"
        )
    if asked.out is None:
        raise PotstillError("name a file for the verdicts: --out OUT.jsonl")
    from potstill.pipeline.files import verify_file

    print(verify_file(asked.file, asked.out, without_sandbox=asked.without_sandbox))
    return 0
