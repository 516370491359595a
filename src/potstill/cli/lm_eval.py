"""potstill lm-eval: measure a run's student or a checkpoint on tasks of lm-eval, which stays in its own environment."""

from __future__ import annotations

import argparse

from potstill.cli.options import positive

NAME, HELP = "lm-eval", "measure a run's student or a checkpoint on tasks of lm-eval"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("model", metavar="MODEL", help="a run, one of its stages, a local checkpoint or a hub name")
    command.add_argument("--tasks", required=True, metavar="T[,T]", help="tasks of lm-eval that generate text")
    command.add_argument("--include", metavar="DIR", help="a folder of tasks, such as that of `potstill export-task`")
    command.add_argument("--python", metavar="PATH", help="the Python of lm-eval's environment (default: this one)")
    command.add_argument("--limit", type=positive, metavar="N", help="at most this many problems a task")
    command.add_argument("--seed", type=int, default=0, help="default: 0")
    command.add_argument("--keep", metavar="DIR", help="where responses are kept (default: runs/lm-eval-MODEL)")


def work(asked: argparse.Namespace) -> int:
    """Print lm-eval's figures, a line a metric."""
    from potstill.pipeline.lm_eval import default_python, evaluated, table_of

    tasks = [task for task in asked.tasks.split(",") if task]
    found = evaluated(
        asked.model, tasks, python=asked.python or default_python(), include=asked.include, limit=asked.limit,
        keep=asked.keep, seed=asked.seed,
    )  # fmt: skip
    print(table_of(found))
    return 0
