"""potstill show-rows: print what a student is trained on, every token with its segment."""

from __future__ import annotations

import argparse
import os
import sys

from potstill.cli.options import positive

NAME, HELP = "show-rows", "print rows to train on, every token marked by its segment"
COLOURS = {"PROMPT": "2", "REASONING": "36", "ANSWER": "32", "FORMAT": "35", "AFTER": "2", "TOOL": "33"}
"""Of a terminal (ANSI): faint, cyan, green, magenta, faint, yellow."""


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("what", metavar="RECIPE|RUN", help="a recipe file, a shipped recipe, or a run folder")
    command.add_argument("--arm", metavar="NAME", help="whose rows (default: the arm that is delivered)")
    command.add_argument("--rows", type=positive, default=3, metavar="N", help="how many of them (default: 3)")
    command.add_argument(
        "--set", action="append", default=[], dest="sets", metavar="KEY=VALUE", help="such as train.max_length=512"
    )


def work(asked: argparse.Namespace) -> int:
    """Print the first rows of each phase of an arm."""
    from potstill.pipeline.showing import shown_rows
    from potstill.printed import control
    from potstill.train.marked import marked, segments_of, weight_of

    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    with shown_rows(asked.what, asked.sets, asked.arm) as found:
        for shown in found:
            for line in shown.about():
                print(line)
            for number, row in enumerate(shown.rows[: asked.rows], 1):
                weight = "" if row.weight == 1 else f"; weight {row.weight:g}"
                print(f"row {number} (example {row.example + 1}): {len(row)} tokens: {segments_of(row)}{weight}")
                for segment, lines in marked(row, shown.tokenizer):
                    for first, line in enumerate(lines):
                        name = "" if first else f"{segment.name.lower():<9} {weight_of(segment)}"
                        print(f"  {name:<17}  ", end="")
                        if coloured:
                            control(sys.stdout, f"\x1b[{COLOURS[segment.name]}m")
                        print(line, end="")
                        if coloured:
                            control(sys.stdout, "\x1b[0m")
                        print()
    return 0
