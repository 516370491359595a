"""`python`: a program in the sandbox, which finds the files of the problem in its folder; its result is what it prints.

The sandbox has Python with its standard library (csv, sqlite3, statistics) and nothing installed beside it. Each call
is a program of its own: nothing is left of the ones before.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from potstill import recipe
from potstill.records import Problem
from potstill.teach.tools import OfferedTool, ToolError
from potstill.verify.sandbox import Limits, Sandbox, open_sandbox

FILES = "files"
"""Which of a problem's facts are its files: an object of name -> text."""
MAX_PROGRAM = 50_000
"""Characters of a program."""
OUTPUT_BYTES = 1 << 18
ABOUT = (
    "runs a Python program and returns what it prints. Standard library only (csv, sqlite3, statistics; no pandas, no "
    "numpy, no network); files that the problem names lie in the current folder. Each call starts anew."
)


def tool(settings: recipe.Tool, data: Path) -> OfferedTool:
    """Return the tool; raises SandboxError where nothing isolates programs here."""
    del data
    limits = Limits(seconds=settings.seconds, memory_mb=settings.memory_mb, output_bytes=OUTPUT_BYTES)
    return OfferedTool(
        name=settings.kind, about=ABOUT, identity=f"{settings.seconds:g} s, {settings.memory_mb} MiB",
        characters=settings.characters, work=partial(_run, open_sandbox(), limits),
    )  # fmt: skip


def files_of(problem: Problem) -> dict[str, str]:
    """Return the files of a problem by name."""
    try:
        facts = json.loads(problem.facts)
    except ValueError:
        return {}
    found = facts.get(FILES) if isinstance(facts, dict) else None
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else {}


def _run(sandbox: Sandbox, limits: Limits, given: str, problem: Problem) -> str:
    """Return what a program prints; one that raises, or exceeds a limit, has failed."""
    if len(given) > MAX_PROGRAM:
        raise ToolError(f"the program is longer than {MAX_PROGRAM:,} characters")
    files = {name: text.encode("utf-8", "surrogatepass") for name, text in files_of(problem).items()}
    ran = sandbox.run(given.encode("utf-8", "surrogatepass"), limits=limits, files=files)
    if ran.ended != "exit":
        what = {"timeout": f"{limits.seconds:g} seconds", "memory": f"{limits.memory_mb} MiB of memory",
                "output": f"{limits.output_bytes:,} bytes of output", "signal": "a signal"}  # fmt: skip
        raise ToolError(f"the program was ended at {what[ran.ended]}")
    if ran.code:
        lines = ran.stderr[-4000:].decode("utf-8", "replace").strip().splitlines()
        raise ToolError(lines[-1] if lines else f"exit code {ran.code}")
    printed = ran.stdout.decode("utf-8", "replace").strip("\n")
    if not printed.strip():
        raise ToolError("the program printed nothing")
    return printed
