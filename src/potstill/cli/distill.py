"""potstill distill: from a file of problems and a teacher to a measured student, by a recipe that it writes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from potstill.cli.options import events_option, positive, unsafe_option

if TYPE_CHECKING:
    from potstill.recipe import Recipe
    from potstill.store import Run

NAME, HELP = "distill", "write a recipe from few words, plan it, and run it to a measured student"


def options(command: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    command.add_argument("problems", metavar="FILE", help="problems as JSONL, CSV or Parquet")
    command.add_argument("--teacher", required=True, metavar="URL", help="an OpenAI-compatible server")
    command.add_argument("--model", required=True, metavar="NAME", help="what the server calls the teacher")
    command.add_argument(
        "--student", required=True, metavar="MODEL",
        help="smollm2-135m-instruct, a local checkpoint, a hub name, or scratch for a small Llama from nothing",
    )  # fmt: skip
    command.add_argument("--yes", action="store_true", help="begin without asking")
    command.add_argument("--out", metavar="DIR", help="the run folder (default: runs/NAME)")
    command.add_argument("--recipe", metavar="RECIPE.yaml", help="where the recipe is written (default: NAME.yaml)")
    command.add_argument("--name", default="", help="name of the run (default: that of the file of problems)")
    command.add_argument("--api-key-env", metavar="NAME", help="the environment variable that holds the server's key")
    command.add_argument(
        "--column", action="append", default=[], metavar="FIELD=COLUMN", help="where a problem field stands"
    )
    command.add_argument("--kind", metavar="KIND", help="how answers compare (default: as they look)")
    command.add_argument("--max-tokens", type=positive, metavar="N", help="of a teacher's response (default: 4096)")
    command.add_argument("--spend-at-most", type=_dollars, metavar="USD", help="what the teacher may cost")
    command.add_argument("--gguf", default="q8_0", metavar="TYPES", help="such as q8_0,q4_k_m (default: q8_0)")
    command.add_argument("--seed", type=int, default=0, help="default: 0")
    events_option(command)
    unsafe_option(command)


def work(asked: argparse.Namespace) -> int:
    """Write the recipe, show the plan, ask once, run."""
    from potstill import pipeline
    from potstill.cli import run as running
    from potstill.events import told_to
    from potstill.recipe_file import load, located
    from potstill.store import Run

    path = _written(asked)
    recipe = load(str(path), [])
    folder = Run(Path(asked.out) if asked.out else Path("runs") / recipe.name)
    with told_to(asked.events), located(str(path), []):
        if (folder.path / "recipe.yaml").is_file():
            print(f"going on with {folder.path}", file=sys.stderr)
        else:
            _plan(recipe, folder)
            if not asked.yes and not _agreed():
                print(f"nothing is begun; the recipe is in {path}")
                return 0
        pipeline.run(recipe, folder, without_sandbox=asked.without_sandbox)
    running.tell(recipe, folder)
    return 0


def _written(asked: argparse.Namespace) -> Path:
    """Write the recipe where it is not yet, and return where it stands."""
    from potstill.durable import write_durably
    from potstill.errors import PotstillError
    from potstill.pipeline.checks.files import check_file
    from potstill.pipeline.distilling import Wishes, name_of, recipe_text
    from potstill.pipeline.single import columns_in

    check_file(Path(asked.problems), "FILE")
    wishes = Wishes(
        problems=Path(asked.problems), teacher=asked.teacher, model=asked.model, student=asked.student,
        folder=Path(asked.recipe).parent if asked.recipe else Path(), name=asked.name,
        columns=columns_in(asked.column), kind=asked.kind, key_env=asked.api_key_env, max_tokens=asked.max_tokens,
        spend_at_most=asked.spend_at_most, gguf=tuple(one for one in asked.gguf.split(",") if one), seed=asked.seed,
    )  # fmt: skip
    path = Path(asked.recipe) if asked.recipe else Path(f"{name_of(wishes)}.yaml")
    if not path.parent.is_dir():
        raise PotstillError(f"--recipe {path}: there is no folder {path.parent}: make it first")
    text = recipe_text(wishes).encode()
    if path.is_file():
        if path.read_bytes() != text:
            raise PotstillError(
                f"{path} is there and says otherwise: run it as it is (potstill run {path}), or name another file with "
                "--recipe"
            )
        return path
    write_durably(path, text)
    print(f"wrote {path}: every choice with its reason", file=sys.stderr)
    return path


def _plan(recipe: Recipe, folder: Run) -> None:
    from potstill.planning import plan_of, record

    plan = plan_of(recipe, folder, measured=record.measured_before(recipe, folder))
    print(plan, flush=True)
    record.keep(plan, folder, {})


def _agreed() -> bool:
    from potstill.errors import PotstillError

    if not sys.stdin.isatty():
        raise PotstillError("nobody is there to be asked: look at the plan and give --yes")
    print("Begin? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _dollars(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text} is no amount of dollars")
    return value
