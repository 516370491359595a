"""Builds the site: writes the generated pages (`pages`), then runs zensical.

python docs/build.py            the site, into site/; fails on a broken link or anchor
python docs/build.py --pages    only the generated pages
"""

import ast
import dataclasses
import inspect
import itertools
import json
import re
import subprocess
import sys
import textwrap
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import annotated_types

sys.path.insert(0, str(Path(__file__).parent))

import python_page

from potstill import nodes, recipe, recipe_schema
from potstill.hardware import unsettled
from potstill.pipeline import study_schema
from potstill.pipeline.study_file import StudyKeys
from potstill.problems.families import FAMILIES
from potstill.recipe import scopes
from potstill.recipe.meanings import brief, meanings
from potstill.tables import OneOf

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
INTRODUCTION = """\
# The recipe, key by key

Written by `make docs` from `src/potstill/recipe/`; do not edit this page, edit the docstrings there.
[Recipes](../guide/recipes.md) explains how the parts work together.

A key without a default has to be given. `null` means that nothing is set. Every value is checked as it stands:
text is not taken for a number, and an unknown key is refused with the nearest known one.

`decides` names the outputs that depend on a key: a changed value makes these anew, and what follows from them.
`answers` is how one answer is judged, a student's too; `verdicts` is how the samples of a problem are judged together;
`rows` is how an example looks to the student. A dash means that no output depends on the key.

`potstill schema` prints all of this as a JSON Schema, for editors. `potstill init` names it in the first line of the
recipe that it writes.
"""
HEAD = ("| key | value | default | decides | meaning |", "|---|---|---|---|---|")
NODES = """\
[Sets and arms](../guide/graph.md) explains nodes. A key that is left out is inherited."""
ENDLESS = 10**9
"""A bound that only keeps out nonsense is not worth telling."""
DECISIONS = """\
# Decisions

One page for each choice that somebody might want to undo, with what was rejected and why. A decision that no longer
holds is not rewritten: a later page takes its place, and both say so. This list is written by `make docs`.
"""
PACKAGE = ROOT / "src" / "potstill"
LAYERS = (
    "__init__", "__main__", "cli", "api", "planning", "pipeline", "trackers", "report", "export", "serve", "evaluate",
    "train", "curate", "teach", "verify", "problems", "models", "store", "recipes", "studies", "recipe_file",
    "recipe_schema", "events", "lock", "durable", "contradictions", "graph", "scorer_nodes", "nodes", "recipe",
    "damage", "parquet", "records", "text", "yaml_text", "progress", "errors",
)  # fmt: skip
OTHERS = {
    "zero_shot.txt": "How a teacher is asked a problem alone.",
    "few_shot.txt": "How a teacher is asked a problem after worked examples.",
    "react.txt": "How a teacher is asked a problem with tools.",
    "react_native.txt": "The same where a server has fields for tools.",
    "judge_prompt.txt": "What a language model is asked about an undecided answer.",
    "pair_prompt.txt": "What a language model is asked about two right answers.",
    "index.html": "The page: its scripts and styles by name, and no data.",
    "py.typed": "Tells type checkers that the package is typed.",
    "template.html": "The report's page: styles for light and dark, wide and narrow; every text is escaped.",
    "page.html": "The page to try a student in a browser.",
    "page.js": "The page to try a student: what it writes is put in as text and never as HTML.",
    "page.css": "How that page looks, in light and dark.",
    "rationalise_hint.txt": "How a teacher is asked that is told the answer.",
    "strategies_step_by_step.txt": "The instruction of the way step_by_step.",
    "strategies_recall_then_generate.txt": "The instruction of the way recall_then_generate.",
    "strategies_recall_reason_generate.txt": "The instruction of the way recall_reason_generate.",
    "strategies_extract_then_compute.txt": "The instruction of the way extract_then_compute.",
    "strategies_explain_then_answer.txt": "The instruction of the way explain_then_answer.",
    "strategies_elimination.txt": "The instruction of the way elimination.",
    "strategies_analogy.txt": "The instruction of the way analogy.",
    "strategies_direct.txt": "The instruction of the way direct.",
    "tree_propose.txt": "How next steps of a solution are asked for.",
    "tree_value.txt": "How a state of a search is asked to be judged.",
    "tree_vote.txt": "How one of several states is asked to be voted for.",
    "tree_finish.txt": "How the best state of a search is asked to be finished.",
    "written_deeper.txt": "How a problem that takes a step more is asked for.",
    "written_broader.txt": "How a problem from another situation is asked for.",
    "written_rephrased.txt": "How the same problem in other words is asked for.",
    "written_renumbered.txt": "How the same problem with other numbers is asked for.",
    "verify_chain_plan.txt": "How check questions about a draft are asked for.",
    "verify_chain_check.txt": "How one check question is asked.",
    "verify_chain_checks.txt": "How all check questions are asked together.",
    "verify_chain_joint.txt": "How check questions and their answers are asked for together.",
    "verify_chain_revise.txt": "How a draft is asked to be written anew after its checks.",
    "recipe.schema.json": "The JSON Schema of a recipe, for editors: what `potstill schema` prints.",
    "study.schema.json": "The JSON Schema of a study file, for editors: what `potstill schema --study` prints.",
    "template.txt": "What `potstill init` writes: a recipe with a comment at every choice.",
}
"""What files that cannot say it are for."""
KEYS = re.compile(r"(<!-- keys of (\w+) -->\n)[^<]*(?:<(?!!-- /keys)[^<]*)*(<!-- /keys -->)")
"""Such as `<!-- keys of arms -->`, a table and `<!-- /keys -->`."""
LAYERED = re.compile(r"(<!-- layers -->\n```\n)[^`]*(```)")
"""The block of ARCHITECTURE.md with the layers."""
GUIDES = ("recipes", "graph", "scorers", "studies")
"""Pages of the guide with tables that are written here."""
MEANT = re.compile(r"<([a-z_.]+)>")
"""Such as `<train.epochs>`: a key whose meaning is to stand there."""
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}


def pages() -> dict[Path, str]:
    """Return all that is generated: pages, the template of `potstill init`, the JSON Schemas of recipe and study."""
    return {
        DOCS / "reference" / "recipe.md": reference(),
        DOCS / "reference" / "python.md": python_page.page(),
        DOCS / "decisions" / "index.md": decisions(),
        ROOT / "ARCHITECTURE.md": architecture(),
        **{page: filled(page) for page in (DOCS / "guide" / f"{name}.md" for name in GUIDES)},
        PACKAGE / "recipes" / "template.txt": template(),
        PACKAGE / "recipes" / "recipe.schema.json": recipe_schema.text(),
        PACKAGE / "studies" / "study.schema.json": study_schema.text(),
    }


def architecture() -> str:
    """Return ARCHITECTURE.md with the tree in it as it is now."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    text = LAYERED.sub(lambda found: f"{found[1]}{layers()}{found[2]}", text)
    before, rest = text.split("```text\n", 1)
    files = [file for file in PACKAGE.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    purposes = {file.relative_to(PACKAGE).as_posix(): purpose(file) for file in files}
    width = max(map(len, purposes))
    tree = [f"{name:<{width}}  {purposes[name]}\n" for name in sorted(purposes, key=place)]
    return f"{before}```text\n{''.join(tree)}```{rest.split('```', 1)[1]}"


def layers() -> str:
    """Return the layers that import-linter holds, from the top down."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    told = " > ".join(layer.replace("potstill.", "").replace(" : ", ", ") for layer in named)
    return textwrap.fill(told, 116, subsequent_indent="    ") + "\n"


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
    if file.suffix in (".js", ".css"):
        return file.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("//").strip("/* ")
    return OTHERS[file.name]


def template() -> str:
    """Return the template of `potstill init`: `docs/template.yaml` with the meanings of its keys filled in."""
    text = (DOCS / "template.yaml").read_text(encoding="utf-8")
    text = text.replace("<families>", ", ".join(FAMILIES))
    return MEANT.sub(lambda found: brief(meaning_of(found[1].split("."))), text)


def meaning_of(path: list[str]) -> str:
    """Return the meaning of a key, such as `teacher.served.model`: where a section has kinds, the path names one."""
    parts: list[type] = [recipe.Recipe]
    for name in path[:-1]:
        kinds = [part for part in parts if typing.get_type_hints(part).get("kind") == typing.Literal[name]]
        parts = kinds or list(dataclasses_in(typing.get_type_hints(parts[0])[name]))
    if path[-1] == "kind" and len(parts) > 1:
        return "One of " + ", ".join(typing.get_args(typing.get_type_hints(part)["kind"])[0] for part in parts)
    return meanings(parts[0])[path[-1]]


def decisions() -> str:
    """Return the list of decisions, by their titles."""
    files = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    titles = {file.name: file.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ") for file in files}
    return "\n".join([DECISIONS, *(f"- [{title}]({name})" for name, title in titles.items()), ""])


def reference() -> str:
    """Return the page: one section for every mapping of a recipe, in the order of the recipe."""
    found = [section(where, part) for where, part in sections(recipe.Recipe, "")]
    found += [section("scorers.NAME", recipe.Scorer), section("scorers.NAME.labels", recipe.Labels)]
    return "\n".join(
        [INTRODUCTION, *found, *(f"## {kind}.NAME\n\n{NODES}\n\n{keys_of(kind)}" for kind in ("sets", "arms"))]
    )


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
    lines = [f"## {heading}", "", inspect.cleandoc(part.__doc__ or ""), "", *HEAD]
    for field in sorted(dataclasses.fields(part), key=lambda field: field.name != "kind"):
        hint, meaning = hints[field.name], meanings(part)[field.name].replace("|", "\\|")
        lines.append(f"| `{field.name}` | {shown(hint)} | {default(field)} | {decided(hint)} | {meaning} |")
    return "\n".join([*lines, ""])


def keys_of(what: str) -> str:
    """Return a table of what the keys of a `recipe`, a `study`, or one node of its `sets` or `arms`, mean."""
    if what in ("recipe", "study"):
        said = dict(meanings({"recipe": recipe.Recipe, "study": StudyKeys}[what]))
    else:
        keys = {"sets": nodes.SET_KEYS, "arms": nodes.ARM_KEYS, "scorers": nodes.SCORER_KEYS}[what]
        own = dict(meanings(recipe.Scorer)) if what == "scorers" else {}
        said = {key: f"What differs from the recipe's `{key}`." for key in keys} | own | nodes.NODE_KEYS[what]
    return "\n".join(["| key | meaning |", "|---|---|", *(f"| `{key}` | {text} |" for key, text in said.items()), ""])


def filled(page: Path) -> str:
    """Return a page with the tables between `<!-- keys of X -->` and `<!-- /keys -->` as they are now."""
    return KEYS.sub(lambda found: f"{found[1]}{keys_of(found[2])}{found[3]}", page.read_text(encoding="utf-8"))


def decided(hint: Any) -> str:  # noqa: ANN401 - any annotation
    """Return which outputs a value decides; a dash for none, nothing where the keys below say it."""
    if isinstance(hint, types.GenericAlias | type) or typing.get_origin(hint) is not typing.Annotated:
        return ""
    for mark in hint.__metadata__:
        if isinstance(mark, scopes.Decides):
            named = sorted(mark.scopes, key=typing.get_args(scopes.Scope).index)
            return "all" if len(named) == len(typing.get_args(scopes.Scope)) else ", ".join(named) or "-"
    return ""


def shown(hint: Any) -> str:  # noqa: ANN401 - any type
    """Return a type as a reader of recipes would say it."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    tables = [mark.table for mark in inner[1:] if isinstance(mark, OneOf)]
    if tables:
        return " or ".join(f"`{name}`" for name in tables[0].entries)
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
        written = unsettled(field.default)
        values = ((f, written[f.name]) for f in dataclasses.fields(field.default))
        given = {
            f.name: value
            for f, value in values
            if f.default_factory is dataclasses.MISSING and value != unsettled(f.default)
        }
        return f"`{json.dumps(given)}`" if given else "its own defaults"
    if isinstance(field.default, tuple) and any(map(dataclasses.is_dataclass, field.default)):
        written = [dataclasses.asdict(one) for one in field.default]
        return f"`{json.dumps([{k: v for k, v in one.items() if v is not None} for one in written])}`"
    return f"`{json.dumps(field.default)}`"


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
        print(f"wrote {page.relative_to(ROOT)}")
    if "--pages" not in sys.argv[1:]:
        zensical = Path(sys.executable).with_name("zensical")
        sys.exit(subprocess.run([zensical, "build", "--strict", "--clean"], cwd=ROOT, check=False).returncode)  # noqa: S603
