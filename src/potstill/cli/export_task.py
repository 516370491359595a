"""potstill export-task: write a published protocol, with your problems and our verdicts, as a task of lm-eval."""

from __future__ import annotations

import argparse

from potstill.cli.options import positive, temperature, top_p

NAME, HELP = "export-task", "write a benchmark's protocol, with our verdicts, as a task of lm-eval"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("benchmark", metavar="NAME", help="which benchmark; `potstill benchmarks` lists them")
    command.add_argument("--problems", required=True, metavar="FILE", help="your file of its problems")
    command.add_argument("--out", required=True, metavar="DIR", help="the folder of the task")
    command.add_argument("--form", default="r1", metavar="FORM", help="which form of the benchmark (default: r1)")
    command.add_argument("--count", type=positive, metavar="N", help="at most this many problems")
    command.add_argument("--samples", type=positive, metavar="N", help="responses a problem (default: the protocol's)")
    command.add_argument("--temperature", type=temperature, metavar="T", help="default: the protocol's")
    command.add_argument("--top-p", type=top_p, metavar="P", help="default: the protocol's")
    command.add_argument("--max-tokens", type=positive, metavar="N", help="default: the protocol's")


def work(asked: argparse.Namespace) -> int:
    """Write the folder and say what it holds."""
    from pathlib import Path

    from potstill.pipeline.lm_eval import exported
    from potstill.recipe import Benchmark

    benchmark = Benchmark(
        name=asked.benchmark, file=str(Path(asked.problems).resolve()), form=asked.form, count=asked.count,
        samples=asked.samples, temperature=asked.temperature, top_p=asked.top_p, max_tokens=asked.max_tokens,
    )  # fmt: skip
    print(exported(benchmark, Path(asked.out)))
    return 0
