"""Builds the site: writes docs/reference/recipe.md from the dataclasses of the recipe, then runs zensical.

python docs/build.py            the site, into site/; fails on a broken link or anchor
python docs/build.py --pages    only the generated page
"""

import ast
import dataclasses
import inspect
import json
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import annotated_types

from potstill import recipe

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "recipe.md"
INTRODUCTION = """\
# The recipe, key by key

Written by `make docs` from `src/potstill/recipe.py`; do not edit this page, edit the docstrings there.
[Recipes](../guide/recipes.md) explains how the parts work together.

A key without a default has to be given. `null` means that nothing is set. Every value is checked as it stands:
text is not taken for a number, and an unknown key is refused with the nearest known one.
"""
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}


def reference() -> str:
    """Return the page: one section for every mapping of a recipe, in the order of the recipe."""
    return "\n".join([INTRODUCTION, *(section(where, part) for where, part in sections(recipe.Recipe, ""))])


def sections(part: type, where: str) -> Iterator[tuple[str, type]]:
    """Yield (dotted key, dataclass) for a part of a recipe and everything below it, each dataclass once."""
    yield where, part
    for name, hint in typing.get_type_hints(part).items():
        for below in dataclasses_in(hint):
            yield from sections(below, f"{where}.{name}".strip("."))


def dataclasses_in(hint: Any) -> Iterator[type]:
    """Yield the dataclasses that a type is made of."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for inner in typing.get_args(hint):
        yield from dataclasses_in(inner)


def section(where: str, part: type) -> str:
    """Return one section: heading, what it is, and a row for every key."""
    hints = typing.get_type_hints(part, include_extras=True)
    kind = typing.get_args(hints["kind"])[0] if where == "teacher" else ""
    heading = f"{where}, kind {kind}" if kind else where or "The whole"
    said = docstrings(part)
    lines = [f"## {heading}", "", inspect.cleandoc(part.__doc__ or ""), "", "| key | value | default | meaning |"]
    lines.append("|---|---|---|---|")
    for field in dataclasses.fields(part):
        meaning = " ".join(said.get(field.name, "").split()).replace("|", "\\|")
        lines.append(f"| `{field.name}` | {shown(hints[field.name])} | {default(field)} | {meaning} |")
    return "\n".join([*lines, ""])


def docstrings(part: type) -> dict[str, str]:
    """Return the text that stands below each field in the source of a dataclass."""
    (tree,) = ast.parse(inspect.getsource(part)).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for above, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(above, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            assert isinstance(above.target, ast.Name)
            found[above.target.id] = str(below.value.value)
    return found


def shown(hint: Any) -> str:
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
    if origin is dict or dataclasses.is_dataclass(hint):
        return "mapping"
    return WORDS[hint]


def limit(bound: Any) -> str:
    """Return one bound of a value in words; nothing for what is no bound."""
    match bound:
        case annotated_types.Ge(ge=value):
            return f"at least {value}"
        case annotated_types.Gt(gt=value):
            return f"above {value}"
        case annotated_types.Le(le=value):
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
        given = {
            f.name: getattr(field.default, f.name)
            for f in dataclasses.fields(field.default)
            if getattr(field.default, f.name) != f.default
            and (f.default_factory is dataclasses.MISSING or getattr(field.default, f.name) != f.default_factory())
        }
        return f"`{json.dumps(given)}`" if given else "its own defaults"
    return f"`{json.dumps(field.default)}`"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    if "--pages" not in sys.argv[1:]:
        zensical = Path(sys.executable).with_name("zensical")
        sys.exit(subprocess.run([zensical, "build", "--strict", "--clean"], cwd=ROOT, check=False).returncode)
