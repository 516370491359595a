"""Builds the site: writes the generated pages (`pages`), then runs zensical.

python docs/build.py            the site, into site/; fails on a broken link or anchor
python docs/build.py --pages    only the generated pages
"""

import ast
import dataclasses
import inspect
import itertools
import json
import subprocess
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import annotated_types

from potstill import recipe

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
INTRODUCTION = """\
# The recipe, key by key

Written by `make docs` from `src/potstill/recipe/`; do not edit this page, edit the docstrings there.
[Recipes](../guide/recipes.md) explains how the parts work together.

A key without a default has to be given. `null` means that nothing is set. Every value is checked as it stands:
text is not taken for a number, and an unknown key is refused with the nearest known one.
"""
ENDLESS = 10**9
"""A bound that only keeps out nonsense is not worth telling."""
MEANINGS = {
    "Curate": {
        "drop_wrong": "Drop traces whose answer is wrong.",
        "drop_unknown": "Drop traces whose answer could not be judged.",
    },
    "Evaluate": {
        "samples": "Responses per problem; more than one needs a temperature above 0.",
        "temperature": "0 takes the most likely token each time.",
        "top_p": "Samples among the most likely tokens that hold this share.",
        "max_tokens": "A response that reaches it is cut off, and not solved.",
        "shots": "Worked examples shown to `base` in its second measure; 0 leaves that out.",
    },
    "Export": {"safetensors": "The trained student as a plain Hugging Face checkpoint in `export/model`; false: none."},
    "Lora": {
        "rank": "Columns of each adapter.",
        "alpha": "Scale of the adapters: they count alpha / rank times.",
        "dropout": "Share of an adapter's inputs left out while training.",
    },
    "Loss": {"kind": "The normalisation: over all tokens, or each segment by itself."},
    "Price": {
        "prompt": "Tokens sent.",
        "completion": "Tokens received, reasoning included.",
        "hour": "Of a server's time.",
    },
    "Terms": {"training": "What the terms say of training another model on the output."},
    "Checks": {
        "policy": "The conventions under which two answers are the same.",
        "code": "How programs are run.",
        "judge": "A language model for what the rules leave undecided; `null` asks none.",
        "reward": "A reward model whose scores stand beside the verdicts; `null` scores nothing.",
    },
    "CodeChecks": {"memory_mb": "MiB of each program."},
    "Judge": {
        "base_url": "Up to and including the version, as for a teacher.",
        "model": "As the server calls it.",
        "sampling": "How the judge is sampled.",
        "concurrency": "At most this many questions at a time.",
        "price": "Of the judge; `null` looks the model up in the price table.",
    },
    "Reward": {"model": "A local folder, relative to `data`, or a hub name."},
    "Recipe": {
        "name": "Names the run; it goes to `runs/NAME`.",
        "problems": "What is asked, and what is held out.",
        "teacher": "Who answers with reasoning; one of five kinds.",
        "student": "Who is trained.",
        "seed": "Decides everything random that has no seed of its own.",
        "strategy": "How the teacher is asked.",
        "checks": "How answers are judged.",
        "curate": "Which traces become examples.",
        "train": "How the student is trained.",
        "evaluate": "How students are measured.",
        "export": "What is delivered.",
    },
    "Sampling": {
        "temperature": "`null` leaves it to the server.",
        "top_p": "`null` leaves it to the server.",
        "max_tokens": "Reasoning included; a trace that reaches it is dropped as truncated.",
    },
    "Scratch": {
        "hidden": "Width; an even multiple of `heads`.",
        "layers": "Blocks.",
        "heads": "Attention heads.",
        "intermediate": "Width of the feed-forward part.",
        "vocabulary": "Tokens, special ones and marks included.",
        "context": "Tokens of the longest row or conversation.",
    },
    "ServedTeacher": {
        "requests_per_minute": "A cap of your own.",
        "model": "The model's name as the server knows it.",
        "sampling": "How it is sampled.",
        "concurrency": "Requests in flight at most.",
    },
    "LocalTeacher": {"precision": "Of the weights."},
    "Source": {
        "domain": "Such as mathematics; families and tasks know their own.",
        "dataset": "A Hugging Face dataset by hub name or local path.",
        "split": "Split of a Hugging Face dataset.",
        "settings": "Settings of the family, task or loader.",
        "delimiter": "What separates the columns of a CSV file; `null` takes commas, or what its first line says.",
        "gold_names": "How golds name one of the `choices`; `null`: told by what fits all rows, or asked for.",
        "max_characters": "Of one text; a longer one is an error. A row may have 16 times as many bytes, or 16 MB.",
    },
    "DatasetTeacher": {
        "file": "A file of any format that problems can have, relative to `data`.",
        "delimiter": "What separates the columns of a CSV file; `null` takes commas, or what its first line says.",
        "max_characters": "Of one text; a longer one is an error. A row may have 16 times as many bytes, or 16 MB.",
        "models": "Keep only these models' traces; empty keeps all.",
    },
    "Strategy": {
        "kind": "`zero_shot`: the question alone; `few_shot`: after worked examples.",
        "system": "The system message; empty sends none.",
        "prompt": "The user message.",
    },
    "Student": {
        "scratch": "A small Llama from nothing, in place of `model`.",
        "lora": "Trains low-rank adapters; `null` trains every weight.",
        "reasoning_open": "Written before the reasoning.",
        "reasoning_close": "Written between reasoning and answer; it cannot be empty.",
    },
    "Problems": {"sources": "One entry for each place that problems come from."},
    "Train": {
        "epochs": "Budget: times through all rows; may be a fraction.",
        "steps": "Budget: optimiser steps.",
        "learning_rate": "The rate at its peak, after warm-up.",
        "schedule": "How the rate goes from its peak to `final`.",
        "weight_decay": "Of matrices, not of biases and norms.",
        "precision": "Of training's matrix products (the weights stay fp32) and of sampling.",
        "loss": "Weights of reasoning and answer.",
    },
}
"""What a key means, where the recipe's own source does not say it below the field."""
DECISIONS = """\
# Decisions

One page for each choice that somebody might want to undo, with what was rejected and why. A decision that no longer
holds is not rewritten: a later page takes its place, and both say so. This list is written by `make docs`.
"""
PACKAGE = ROOT / "src" / "potstill"
LAYERS = (
    "__init__", "__main__", "cli", "api", "pipeline", "trackers", "report", "export", "evaluate", "train", "curate",
    "teach", "verify", "problems", "models", "store", "recipes", "studies", "recipe_file", "events", "lock", "durable",
    "graph", "recipe", "damage",
    "parquet", "records", "text", "yaml_text", "progress", "errors",
)  # fmt: skip
OTHERS = {
    "zero_shot.txt": "How a teacher is asked a problem alone.",
    "few_shot.txt": "How a teacher is asked a problem after worked examples.",
    "judge_prompt.txt": "What a language model is asked about an undecided answer.",
    "rollout_prompt.txt": "What a teacher is asked to go on from a step.",
    "py.typed": "Tells type checkers that the package is typed.",
    "template.html": "The report's page: styles for light and dark, wide and narrow; every text is escaped.",
    "template.txt": "What `potstill init` writes: a recipe with a comment at every choice.",
}
"""What files that cannot say it are for."""
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}


def pages() -> dict[Path, str]:
    """Return the generated pages: the recipe's reference and the list of decisions."""
    return {
        DOCS / "reference" / "recipe.md": reference(),
        DOCS / "decisions" / "index.md": decisions(),
        ROOT / "ARCHITECTURE.md": architecture(),
    }


def architecture() -> str:
    """Return ARCHITECTURE.md with the tree in it as it is now."""
    before, rest = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("```text\n", 1)
    files = [file for file in PACKAGE.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    purposes = {file.relative_to(PACKAGE).as_posix(): purpose(file) for file in files}
    width = max(map(len, purposes))
    tree = [f"{name:<{width}}  {purposes[name]}\n" for name in sorted(purposes, key=place)]
    return f"{before}```text\n{''.join(tree)}```{rest.split('```', 1)[1]}"


def place(name: str) -> tuple[int, str]:
    """Order of the tree: by layer, from the command line down."""
    top = name.split("/", 1)[0].removesuffix(".py")
    return (LAYERS.index(top) if top in LAYERS else len(LAYERS), name)


def purpose(file: Path) -> str:
    """Return the first sentence that a file says of itself."""
    if file.suffix == ".py":
        said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        return " ".join(said.split("\n\n", 1)[0].split())
    if file.suffix == ".yaml":
        lines = itertools.takewhile(lambda line: line.startswith("#"), file.read_text(encoding="utf-8").splitlines())
        said = " ".join(line.removeprefix("# ") for line in lines)
        return said.split(". ", 1)[0].rstrip(".") + "."
    return OTHERS[file.name]


def decisions() -> str:
    """Return the list of decisions, by their titles."""
    files = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    titles = {file.name: file.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ") for file in files}
    return "\n".join([DECISIONS, *(f"- [{title}]({name})" for name, title in titles.items()), ""])


def reference() -> str:
    """Return the page: one section for every mapping of a recipe, in the order of the recipe."""
    return "\n".join([INTRODUCTION, *(section(where, part) for where, part in sections(recipe.Recipe, ""))])


def sections(part: type, where: str) -> Iterator[tuple[str, type]]:
    """Yield (dotted key, dataclass) for a part of a recipe and everything below it, each dataclass once."""
    yield where, part
    for name, hint in typing.get_type_hints(part).items():
        for below in dataclasses_in(hint):
            yield from sections(below, f"{where}.{name}".strip("."))


def dataclasses_in(hint: Any) -> Iterator[type]:  # noqa: ANN401 - any type
    """Yield the dataclasses that a type is made of."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for inner in typing.get_args(hint):
        yield from dataclasses_in(inner)


def section(where: str, part: type) -> str:
    """Return one section: heading, what it is, and a row for every key."""
    hints = typing.get_type_hints(part, include_extras=True)
    kind = typing.get_args(typing.get_type_hints(part)["kind"])[0] if where == "teacher" else ""
    heading = f"{where}, kind {kind}" if kind else where or "The whole"
    said = {"kind": "Chooses this kind of teacher."} if where == "teacher" else {}
    said |= docstrings(part) | MEANINGS.get(part.__name__, {})
    lines = [f"## {heading}", "", inspect.cleandoc(part.__doc__ or ""), "", "| key | value | default | meaning |"]
    lines.append("|---|---|---|---|")
    for field in dataclasses.fields(part):
        meaning = " ".join(said.get(field.name, "").split()).replace("|", "\\|")
        lines.append(f"| `{field.name}` | {shown(hints[field.name])} | {default(field)} | {meaning} |")
    return "\n".join([*lines, ""])


def docstrings(part: type) -> dict[str, str]:
    """Return the text that stands below each field in the source of a dataclass."""
    body = [statement for node in ast.parse(inspect.getsource(part)).body for statement in getattr(node, "body", [])]
    found = {}
    for above, below in itertools.pairwise(body):
        match above, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = text
    return found


def shown(hint: Any) -> str:  # noqa: ANN401 - any type
    """Return a type as a reader of recipes would say it."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return ", ".join([shown(inner[0]), *(limit(bound) for bound in inner[1:] if limit(bound))])
    if origin in (typing.Union, types.UnionType):
        options = [shown(option) for option in inner if option is not types.NoneType]
        return " or ".join([*dict.fromkeys(options), *(["null"] if types.NoneType in inner else [])])
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin is tuple:
        return f"list of {shown(inner[0])}"
    if origin in (dict, Mapping) or dataclasses.is_dataclass(hint):
        return "mapping"
    return WORDS[hint]


def limit(bound: Any) -> str:  # noqa: ANN401 - any annotation
    """Return one bound of a value in words; nothing for what is no bound."""
    match bound:
        case annotated_types.Ge(ge=value):
            return f"at least {value}"
        case annotated_types.Gt(gt=value):
            return f"above {value}"
        case annotated_types.Le(le=float() | int() as value) if value < ENDLESS:
            return f"at most {value}"
        case annotated_types.Len(min_length=least, max_length=most):
            return f"at least {least}" if most is None else f"{least} to {most} characters"
    return ""


def default(field: dataclasses.Field[Any]) -> str:
    """Return the default of a key as YAML would write it."""
    if field.default_factory is not dataclasses.MISSING:
        return f"`{json.dumps(field.default_factory())}`"
    if field.default is dataclasses.MISSING:
        return "required"
    if dataclasses.is_dataclass(field.default):
        values = ((f, getattr(field.default, f.name)) for f in dataclasses.fields(field.default))
        given = {
            f.name: value for f, value in values if f.default_factory is dataclasses.MISSING and value != f.default
        }
        return f"`{json.dumps(given)}`" if given else "its own defaults"
    return f"`{json.dumps(field.default)}`"


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
        print(f"wrote {page.relative_to(ROOT)}")
    if "--pages" not in sys.argv[1:]:
        zensical = Path(sys.executable).with_name("zensical")
        sys.exit(subprocess.run([zensical, "build", "--strict", "--clean"], cwd=ROOT, check=False).returncode)  # noqa: S603
