"""The reference of the Python interface, from the docstrings and types in `potstill.api`."""

import dataclasses
import inspect
import re
from typing import Any

from potstill import api
from potstill.pipeline.asking import StudentAnswer
from potstill.planning import Figure, Memory, RunPlan, StagePlan
from potstill.progress import Event

INTRODUCTION = """\
# The Python interface, name by name

Written by `make docs` from `src/potstill/api/`; do not edit this page, edit the docstrings there.
[In Python](../guide/python.md) explains how the parts work together. `check`, `open`, `plan`, `run` and
`study` are in `potstill`; the classes of what they return are in `potstill.api`, those of a plan in
`potstill.planning`.
"""
MODULES = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z_a-z])")
"""`collections.abc.Mapping` -> `Mapping`."""


def page() -> str:
    """Return the page: functions first, then what they return."""
    further = (Event, StudentAnswer, RunPlan, StagePlan, Figure, Memory)
    named = {name: getattr(api, name) for name in api.__all__} | {code.__name__: code for code in further}
    functions = [name for name in named if inspect.isfunction(named[name])]
    classes = sorted(name for name in named if inspect.isclass(named[name]))
    sections = [*(function(name, named[name]) for name in functions), *(class_(name, named[name]) for name in classes)]
    return "\n".join([INTRODUCTION, *sections])


def function(name: str, code: Any) -> str:  # noqa: ANN401 - any code
    """Return the section of a function."""
    return f"## potstill.{name}\n\n```python\n{name}{signature(code)}\n```\n\n{said(code)}\n"


def class_(name: str, code: type) -> str:
    """Return the section of a class: what it is, and what it has."""
    lines = [f"## {name}", "", said(code), ""]
    fields = (
        [f"`{field.name}: {shown(field.type)}`" for field in dataclasses.fields(code)]
        if dataclasses.is_dataclass(code)
        else []
    )
    if fields:
        lines += [f"Fields: {', '.join(fields)}.", ""]
    members = [(key, value) for key, value in vars(code).items() if not key.startswith("_") and is_member(value)]
    if members:
        lines += ["| | |", "|---|---|"]
        lines += [f"| `{form(key, value)}` | {first(value)} |" for key, value in members]
        lines.append("")
    return "\n".join(lines)


def is_member(value: object) -> bool:
    """Whether somebody calls it or asks for it."""
    return isinstance(value, property) or inspect.isfunction(value)


def form(key: str, value: Any) -> str:  # noqa: ANN401 - any code
    """Return how a member is written by whoever uses it."""
    if isinstance(value, property):
        return f"{key}: {shown(value.fget.__annotations__['return'])}".replace("|", "\\|")
    return f"{key}{signature(value)}".replace("(self, ", "(").replace("(self)", "()").replace("|", "\\|")


def signature(code: Any) -> str:  # noqa: ANN401 - any code
    """Return what a function takes and returns."""
    return shown(str(inspect.signature(code)).replace("'", ""))


def shown(text: object) -> str:
    """Return a type without the modules that its parts are from."""
    return MODULES.sub("", str(text))


def first(value: Any) -> str:  # noqa: ANN401 - any code
    """Return the first sentence of a member's docstring, without line breaks."""
    return " ".join((inspect.getdoc(value) or "").split("\n\n", 1)[0].split()).replace("|", "\\|")


def said(code: Any) -> str:  # noqa: ANN401 - any code
    """Return a docstring with its list of errors as a list."""
    text, _, raised = (inspect.getdoc(code) or "").partition("\nRaises")
    errors = re.findall(r"^ {4}(\w+): (.*?)(?=^ {4}\w+: |\Z)", raised, re.MULTILINE | re.DOTALL)
    listed = "\n".join(f"- `{name}`: {' '.join(why.split())}" for name, why in errors)
    return text.strip() + (f"\n\nRaises:\n\n{listed}" if listed else "")
