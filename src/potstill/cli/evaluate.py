"""potstill evaluate: measure a run's student, any checkpoint or a served model on problems."""

from __future__ import annotations

import argparse

from potstill.cli.options import positive, temperature, top_p, unsafe_option

NAME, HELP = "evaluate", "measure a run's student, any checkpoint or a served model on problems"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("model", metavar="MODEL", help="a run, a local checkpoint, a hub name, or a server's address")
    command.add_argument("--model", dest="name", metavar="NAME", help="what a server calls the model")
    command.add_argument("--api-key-env", metavar="NAME", help="the environment variable that holds a server's key")
    command.add_argument(
        "--problems",
        required=True,
        metavar="FILE|RUN",
        help="problems as JSONL, Parquet or CSV, or a run's held-out ones",
    )
    command.add_argument(
        "--benchmark", metavar="NAME", help="ask and score by a published protocol; `potstill benchmarks` lists them"
    )
    command.add_argument("--form", metavar="FORM", help="which form of the benchmark (default: r1)")
    command.add_argument("--sha256", metavar="HEX", help="what the benchmark's file must be")
    command.add_argument(
        "--column", action="append", default=[], metavar="FIELD=COLUMN", help="where a problem field stands"
    )
    command.add_argument("--kind", metavar="KIND", help="how answers compare")
    command.add_argument("--count", type=positive, metavar="N", help="at most this many problems")
    command.add_argument("--samples", type=positive, metavar="N", help="responses a problem (default: the run's, or 1)")
    command.add_argument("--temperature", type=temperature, metavar="T", help="default: the run's, or 0")
    command.add_argument("--top-p", type=top_p, metavar="P", help="default: the run's, or 1")
    command.add_argument("--max-tokens", type=positive, metavar="N", help="default: the run's, or 512")
    command.add_argument("--batch", type=positive, metavar="N", help="responses side by side (default: as many as pay)")
    command.add_argument(
        "--prompt", metavar="TEXT", help="what is asked; {question} is filled in (default: the run's, or that alone)"
    )
    command.add_argument("--seed", type=int, help="default: the run's, or 0")
    command.add_argument("--precision", choices=("auto", "bf16", "fp32"), help="default: the run's, or auto")
    command.add_argument(
        "--faithfulness", type=positive, metavar="N", help="ask again about N responses, with their reasoning changed"
    )
    command.add_argument("--out", metavar="FILE.jsonl", help="write every response and verdict")
    command.add_argument("--keep", metavar="DIR", help="where responses are kept (default: runs/evaluate-MODEL)")
    unsafe_option(command)


def work(asked: argparse.Namespace) -> int:
    """Measure a model on problems and print one line."""
    from potstill.pipeline import single

    print(single.evaluate(asked))
    return 0
