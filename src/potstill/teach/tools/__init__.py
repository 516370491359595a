"""Tools that may be called within an answer: a tool is a file of this folder and its line here.

A file has `tool(settings, data)`, which returns the tool as a recipe sets it up, ready to be called. What a call gets
is a model's text: a tool bounds what it does with it, and runs none of it outside the sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from potstill import recipe
from potstill.records import Problem
from potstill.tables import Table
from potstill.tool_marks import FAILED, harmless


class ToolError(Exception):
    """A call that came to nothing, for what it holds: one line, which is told to who called."""


@dataclass(frozen=True, kw_only=True)
class OfferedTool:
    """A tool as a recipe sets it up.

    `about` tells a teacher what it does, one line; `identity` is whatever else than the call and the problem decides
    its result. `work(given, problem)` returns the result; it raises `ToolError` for what a call holds, and any other
    error of ours where the tool itself cannot work.
    """

    name: str
    about: str
    identity: str
    characters: int
    work: Callable[[str, Problem], str]

    def called(self, given: str, problem: Problem) -> str:
        """Return the result of a call as it stands in a text, be it that it failed."""
        try:
            return harmless(self.work(given, problem), self.characters)
        except ToolError as error:
            return FAILED + " ".join(harmless(str(error), self.characters).split())


class ToolFile(Protocol):
    """What a file of this folder has."""

    def tool(self, settings: recipe.Tool, data: Path) -> OfferedTool:
        """Return the tool of these settings; `data` is the folder that files are relative to.

        Raises:
            RecipeError: a file or a function is not there, or is none of its kind.
            SandboxError: nothing isolates programs here.
        """


TOOLS: Table[ToolFile] = Table(
    "tool",
    "potstill.tools",
    {
        "python": "potstill.teach.tools.python",
        "calculator": "potstill.teach.tools.calculator",
        "lookup": "potstill.teach.tools.lookup",
    },
)


def offered(tools: Sequence[recipe.Tool], data: Path) -> dict[str, OfferedTool]:
    """Return the tools of a recipe by name, ready to be called. Raises what `ToolFile.tool` raises."""
    return {one.kind: TOOLS[one.kind].tool(one, data) for one in tools}


def result_of(tools: Mapping[str, OfferedTool], name: str, given: str, problem: Problem) -> str:
    """Return the result of a call as it stands in a text; a tool that is not there is a failed call."""
    if name not in tools:
        said = f"no tool {name!r}" if name else "no tool is named behind the mark"
        return f"{FAILED}{said}; there {'is' if len(tools) == 1 else 'are'} {', '.join(tools)}"
    if not given.strip():
        return f"{FAILED}the call is empty"
    return tools[name].called(given, problem)
