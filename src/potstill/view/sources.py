"""What can be read: the responses of a run folder, or of a file of traces; each is one entry of the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from potstill.records import Finish, Group, Problem

TEACHER, STUDENT = "teacher", "student"


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPart:
    """A Parquet file with whole responses, rows of the record `record`."""

    path: str
    record: str


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexRow:
    """One response as the list shows it; its text is row `row` of the part number `part`.

    `of` says whose it is: `set traces`, `arm base (zero-shot)`. `drop` is `kept`, a reason, or empty where nothing
    chose. `finding` says what the samples of its problem say of the gold. `score` is a reward model's.
    """

    part: int
    row: int
    key: str
    problem_key: str
    of: str
    who: str
    model: str
    finish: Finish
    strategy: str = ""
    outcome: str = ""
    cause: str = ""
    doubt: str = ""
    drop: str = ""
    drop_detail: str = ""
    finding: str = ""
    extracted: str = ""
    sample: int = 0
    characters: int = 0
    tokens: int | None = None
    score: float | None = None
    looped: bool = False
    parent: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedProblem:
    """A problem, and whether it is held out."""

    problem: Problem
    part: str


@dataclass
class Notes:
    """What is missing or broken in what was opened, one line each; a page says it."""

    lines: list[str] = field(default_factory=list)

    def tell(self, line: str) -> None:
        """Add a line once."""
        if line not in self.lines:
            self.lines.append(line)


class Opened(Protocol):
    """One run or file."""

    name: str
    path: Path
    labels: Path
    """Folder in which people's labels of it are kept."""

    def state(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return what the index depends on: another value means that it is built anew."""

    def total(self) -> int | None:
        """Return how many entries there will be, where that is known."""

    def read(self, scratch: Path, notes: Notes) -> Responses:
        """Begin to read; files that have to be made for it go to the folder `scratch`."""


@dataclass(frozen=True, kw_only=True)
class Responses:
    """A source as it is read. `entries` comes first and to its end; then `parts` and `problems` are whole."""

    entries: Iterator[IndexRow]
    problems: Callable[[], Iterator[AskedProblem]]
    groups: Callable[[], Iterator[tuple[str, Group]]]
    parts: list[TextPart]
