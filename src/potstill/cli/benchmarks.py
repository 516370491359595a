"""potstill benchmarks: list the published protocols, or show one: its words, sampling, metrics and where they stand."""

from __future__ import annotations

import argparse

NAME, HELP = "benchmarks", "list the published protocols by which models are measured, or show one"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("benchmark", nargs="?", metavar="NAME", help="the one to show in full")


def work(asked: argparse.Namespace) -> int:
    """Print a line a form, or all of one benchmark."""
    from potstill.pipeline.benchmarking import listed, shown

    print(listed() if asked.benchmark is None else shown(asked.benchmark))
    return 0
