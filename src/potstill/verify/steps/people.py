"""What people said of solutions: labels of steps, verdicts and golds with their names, in files that only grow.

A folder of labels has one JSONL file a labeller. Each line is one saying, whole by itself: it carries the texts of the
steps that were labelled, so that it stays true whatever becomes of the run. A later line of the same person about the
same thing takes the place of an earlier one; an adjudication decides where people differ.

    {"schema": 1, "kind": "steps", "labeller": "ada", "at": "2026-11-30T09:00:00Z", "seconds": 21.5, "solution": KEY,
     "problem_key": KEY, "question": "...", "gold": "42", "steps": ["...", "..."], "ratings": [1, -1], "comment": ""}
    {"schema": 1, "kind": "verdict", ..., "outcome": "wrong"}      {"schema": 1, "kind": "gold", ..., "gold": "43"}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, cast

from potstill.errors import DataError
from potstill.records import Outcome

SCHEMA = 1
KINDS = ("steps", "verdict", "gold")
RATINGS = (-1, 0, 1, None)
OUTCOMES = ("right", "wrong", "unknown")
_BEGINS = b'{"schema":'
"""How every line begins that is written here."""
_TEXTS = ("labeller", "at", "solution", "problem_key", "question", "comment", "outcome", "finish")


@dataclass(frozen=True, kw_only=True)
class Saying:
    """One thing that one person said.

    `ratings` has one entry a step: 1 right, 0 neutral, -1 wrong, None not labelled. `seconds` is how long it took.
    `skipped` means that the person looked and said nothing. `adjudicated` decides over what others said. `flagged` is
    for a question or a solution that cannot be labelled.
    """

    kind: Literal["steps", "verdict", "gold"]
    labeller: str
    at: str = ""
    seconds: float = 0.0
    solution: str = ""
    problem_key: str = ""
    question: str = ""
    gold: str | None = None
    steps: tuple[str, ...] = ()
    ratings: tuple[int | None, ...] = ()
    outcome: str = ""
    comment: str = ""
    finish: str = ""
    skipped: bool = False
    flagged: bool = False
    adjudicated: bool = False

    @property
    def about(self) -> tuple[str, str]:
        """What it is about; of one person the last saying about a thing counts."""
        return self.kind, self.problem_key if self.kind == "gold" else self.solution

    @property
    def said(self) -> Outcome:
        """The outcome of a verdict."""
        return cast("Outcome", self.outcome)

    @property
    def first_wrong_step(self) -> int | None:
        """The first step rated wrong, counted from 0; None where none is."""
        return next((number for number, rating in enumerate(self.ratings) if rating == -1), None)

    def line(self) -> bytes:
        """Return the saying as a line of a file."""
        its = {"schema": SCHEMA, **asdict(self), "steps": list(self.steps), "ratings": list(self.ratings)}
        return json.dumps(its, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def saying_of(row: object, at: str) -> Saying:
    """Return what one line says.

    Raises:
        DataError: it is of another shape; names the place `at` and the key.
    """
    if not isinstance(row, dict) or row.get("kind") not in KINDS or row.get("schema") != SCHEMA:
        raise DataError(f"{at} is no label of schema {SCHEMA}: its kind must be one of {', '.join(KINDS)}")
    for name in _TEXTS:
        if not isinstance(row.get(name, ""), str):
            raise DataError(f"{at}: {name} must be a text")
    if not row.get("labeller"):
        raise DataError(f"{at}: labeller is missing: whose label is it?")
    gold, seconds = row.get("gold"), row.get("seconds", 0.0)
    if gold is not None and not isinstance(gold, str):
        raise DataError(f"{at}: gold must be a text or null")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        raise DataError(f"{at}: seconds must be a number that is not negative")
    steps, ratings = row.get("steps", []), row.get("ratings", [])
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        raise DataError(f"{at}: steps must be a list of texts")
    if not isinstance(ratings, list) or any(isinstance(one, bool) or one not in RATINGS for one in ratings):
        raise DataError(f"{at}: ratings must be a list of -1, 0, 1 and null")
    if row["kind"] == "steps" and len(steps) != len(ratings):
        raise DataError(f"{at}: {len(ratings)} ratings for {len(steps)} steps")
    if row["kind"] == "verdict" and row.get("outcome") not in OUTCOMES:
        raise DataError(f"{at}: outcome must be one of {', '.join(OUTCOMES)}")
    if row["kind"] == "gold" and not (gold or "").strip():
        raise DataError(f"{at}: gold is missing")
    return Saying(
        kind=row["kind"], seconds=float(seconds), gold=gold, steps=tuple(steps), ratings=tuple(ratings),
        skipped=row.get("skipped") is True, flagged=row.get("flagged") is True,
        adjudicated=row.get("adjudicated") is True, **{name: row.get(name, "") for name in _TEXTS},
    )  # fmt: skip


def read_sayings(path: Path) -> Iterator[Saying]:
    """Yield what stands in a folder of labels, or in one of its files, file by file in the order of the names.

    A line that a kill left unfinished was never called saved: it is passed over.

    Raises:
        DataError: a whole line is no label; names file and line.
    """
    for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
        data = file.read_bytes()
        lines = data.split(b"\n")
        for number, line in enumerate(lines, 1):
            if not line.strip() or (number == len(lines) and not data.endswith(b"\n")):
                continue
            at = f"{file}: line {number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                if line.startswith(_BEGINS) or _BEGINS.startswith(line):
                    continue  # the beginning of a label: a kill cut it, and the next process ended the line
                raise DataError(f"{at} is no JSON: it was changed after it was written") from None
            yield saying_of(row, at)


def latest(sayings: Iterable[Saying]) -> dict[tuple[str, str], dict[str, Saying]]:
    """Return what counts: for each thing the last saying of each labeller; skipped ones take nobody's place."""
    found: dict[tuple[str, str], dict[str, Saying]] = {}
    for saying in sayings:
        if not saying.skipped:
            found.setdefault(saying.about, {})[saying.labeller] = saying
    return found


def settled(sayings: Iterable[Saying]) -> dict[tuple[str, str], Saying]:
    """Return one saying for each thing: the adjudication, else what all of its labellers say alike.

    Of step labels "alike" means the same first wrong step; where people differ and nobody decided, there is none.
    """
    found = {}
    for about, by in latest(sayings).items():
        decided = [one for one in by.values() if one.adjudicated]
        if decided:
            found[about] = max(decided, key=lambda one: one.at)
        elif len({_gist(one) for one in by.values()}) == 1:
            found[about] = next(iter(by.values()))
    return found


def _gist(saying: Saying) -> object:
    return {"steps": saying.first_wrong_step, "verdict": saying.outcome, "gold": saying.gold}[saying.kind]


def differing(sayings: Iterable[Saying]) -> list[tuple[str, str]]:
    """Return what people said different things of, and nobody decided."""
    held = list(sayings)
    return [about for about in latest(held) if about not in settled(held)]
