"""`lookup`: what a file or a function of the user's says of a text.

A file is a table: what is asked for stands in its first column, what is told in the others. A function is the user's
own code, called in a process that is ended when it takes too long.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from potstill import recipe
from potstill.durable import digest_of
from potstill.errors import RecipeError
from potstill.problems.functions import check_function, find_function, folder_of
from potstill.records import Problem
from potstill.teach.tools import OfferedTool, ToolError
from potstill.verify.pool import CallFailedError, Pool, QueueFullError, WorkerDiedError, WorkerTimeoutError

MAX_ROWS = 1_000_000
MAX_ASKED = 2_000
"""Characters of what is looked up."""
MEMORY_BYTES = 2 << 30
WAITING = 16_384
NOTHING = "nothing is known of that"
ABOUT_FILE = "looks up one name in a table with the columns {columns} and returns its row."
ABOUT_FUNCTION = "looks up one text and returns what is known of it."


def tool(settings: recipe.Tool, data: Path) -> OfferedTool:
    """Return the tool.

    Raises:
        RecipeError: the file or the function is not there, or is none of its kind.
    """
    where = f"the file {settings.file}" if settings.file is not None else f"the function {settings.function}"
    if settings.file is not None:
        path = data / settings.file
        columns, table = _table(path)
        return OfferedTool(
            name=settings.kind, about=ABOUT_FILE.format(columns=", ".join(columns)), identity=digest_of(path),
            characters=settings.characters, work=partial(_find, columns, table),
        )  # fmt: skip
    name = settings.function or ""
    if refusal := check_function(name, data, where, positional=1):
        raise RecipeError(f"{where}: it is called with one text: {refusal}")
    file = Path(name.rpartition(":")[0]).with_suffix(".py")
    code = data / file
    return OfferedTool(
        name=settings.kind, about=ABOUT_FUNCTION, identity=digest_of(code) if code.is_file() else name,
        characters=settings.characters, work=partial(_ask, name, data.resolve(), settings.seconds),
    )  # fmt: skip


def _table(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Return the columns of a file, and its rows by what stands first in them, spaces and case aside."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read ({error}); a lookup needs a CSV or JSONL file in UTF-8") from error
    rows = _of_json(path, text) if path.suffix in (".jsonl", ".json") else list(csv.reader(text.splitlines()))
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) < 2 or len(rows[0]) < 2:
        raise RecipeError(f"{path}: a lookup needs a first row of at least two names, and rows below it")
    table: dict[str, list[str]] = {}
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(rows[0]):
            raise RecipeError(f"{path}, row {number}: {len(row)} cells, and {len(rows[0])} columns")
        if table.setdefault(_key(row[0]), row) is not row:
            raise RecipeError(f"{path}, row {number}: {row[0]!r} stands in an earlier row too")
    return rows[0], table


def _of_json(path: Path, text: str) -> list[list[str]]:
    try:
        objects = [json.loads(line) for line in text.splitlines()[:MAX_ROWS] if line.strip()]
    except ValueError as error:
        raise RecipeError(f"{path}: not one JSON object a line ({error})") from error
    if not objects or not all(isinstance(one, dict) and one.keys() == objects[0].keys() for one in objects):
        raise RecipeError(f"{path}: the lines are not objects with the same keys")
    return [list(objects[0]), *([str(value) for value in one.values()] for one in objects)]


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()


def _find(columns: list[str], table: dict[str, list[str]], given: str, problem: Problem) -> str:
    del problem
    row = table.get(_key(given))
    return NOTHING if row is None else "; ".join(f"{name}: {cell}" for name, cell in zip(columns, row, strict=True))


def _ask(name: str, data: Path, seconds: float, given: str, problem: Problem) -> str:
    """Return what the user's function says; one that raises or is late has failed for this call."""
    del problem
    if len(given) > MAX_ASKED:
        raise ToolError(f"longer than {MAX_ASKED:,} characters")
    try:
        said: Any = _pool(name, data).call(_called, name, data, given, seconds=seconds)
    except WorkerTimeoutError:
        raise ToolError(f"no answer within {seconds:g} seconds") from None
    except CallFailedError as error:
        raise ToolError(str(error)) from None
    except (QueueFullError, WorkerDiedError) as error:
        raise RecipeError(f"the lookup {name} cannot be called: {error}") from error
    return str(said)


@lru_cache(maxsize=16)
def _pool(name: str, data: Path) -> Pool:
    """Return the pool of a function that the user named: it has the user's environment, as anywhere else."""
    return Pool(
        partial(_prepare, name, data), workers=1, memory_bytes=MEMORY_BYTES, waiting=WAITING, environment=os.environ
    )


def _prepare(name: str, data: Path) -> None:
    """Import the user's function. Runs before the workers."""
    sys.path.append(str(folder_of(name, data)))
    find_function(name, data, "lookup")


def _called(name: str, data: Path, given: str) -> str:
    """Ask the user's function. Runs in a worker."""
    said = find_function(name, data, "lookup")(given)
    if said is None:
        return NOTHING
    if not isinstance(said, str | int | float):
        raise TypeError(f"it returned {type(said).__name__}, and no text")
    return str(said)
